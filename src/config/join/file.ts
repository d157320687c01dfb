import {parse} from 'yaml';
import {NodectlError} from '../../lib/errors.ts';
import {isRecord, readDocument, type Source} from '../document.ts';
import type {JoinInput} from '../join.ts';
import {kubeletConfiguration} from '../kubelet/schema.ts';
import {readSource} from '../kubelet/source.ts';
import {loadKubeletConfig} from '../kubelet.ts';
import {kubeProxyConfiguration} from '../proxy/schema.ts';
import {defined} from './defined.ts';
import {type KubeletArg, kubeletArgs} from './kubelet-args.ts';
import {type JoinV1beta4, joinV1beta3, joinV1beta4} from './schema.ts';

/** What a --config file says; the discovery file that it names is read by the caller. */
export type JoinFile = {
  readonly input: Partial<JoinInput>;
  readonly discoveryFile: string | undefined;
  /** Read by the caller, too. */
  readonly patchesDirectory?: string;
};

/**
 * A file of YAML documents: a JoinConfiguration, and beside it a KubeletConfiguration and a KubeProxyConfiguration
 * whose fields win over the cluster's.
 * @throws NodectlError ND906, ND701 or ND711 with file, line and column of what is wrong
 */
export function readJoinFile(source: Source): JoinFile {
  const found = new Map<string, Source>();
  for (const text of splitDocuments(source.text)) {
    const kind = kindOf({...source, text});
    if (kind === undefined) continue;
    if (found.has(kind)) throw invalid(source, `has two documents of kind ${kind}`);
    found.set(kind, {...source, text});
  }
  const [join, kubelet, proxy] = [...known].map((kind) => found.get(kind));
  const {input, discoveryFile, patchesDirectory} = join === undefined ? nothing : joinDocument(join);
  return {
    discoveryFile,
    patchesDirectory,
    input: {
      ...input,
      kubeletConfiguration: {...kubeletDocument(kubelet), ...input.kubeletConfiguration},
      proxyConfiguration: proxyDocument(proxy),
    },
  };
}

const known = ['JoinConfiguration', 'KubeletConfiguration', 'KubeProxyConfiguration'] as const;
/** kubeadm allows them in the same file and does not read them at a join. */
const others = ['InitConfiguration', 'ClusterConfiguration', 'ResetConfiguration', 'UpgradeConfiguration'];
const nothing: JoinFile = {input: {}, discoveryFile: undefined};

/**
 * The documents of a stream, each with blank lines for what is before it: positions stay those of the file. A line
 * that begins with `---` always ends a document (YAML 1.2, 9.1.2), in block scalars too.
 */
export function splitDocuments(text: string): string[] {
  const documents: string[][] = [[]];
  for (const [at, line] of text.split('\n').entries()) {
    if (/^---(\s|$)/.test(line)) documents.push([...Array<string>(at).fill(''), line.replace('---', '   ')]);
    else documents.at(-1)?.push(line);
  }
  const says = (line: string): boolean => !/^\s*(#|$)/.test(line);
  return documents.filter((lines) => lines.some(says)).map((lines) => lines.join('\n'));
}

function kindOf(source: Source): string | undefined {
  const kind = kindField(source);
  if (typeof kind === 'string' && [...known, ...others].includes(kind))
    return others.includes(kind) ? undefined : kind;
  throw invalid(source, `a document has the kind ${String(kind)}, not ${known.join(', ')}`);
}

function kindField(source: Source): unknown {
  try {
    const value: unknown = parse(source.text);
    return isRecord(value) ? value.kind : undefined;
  } catch {
    // The reader of a JoinConfiguration says where it is wrong.
    return 'JoinConfiguration';
  }
}

function joinDocument(source: Source): JoinFile {
  const [, version] = /^\s*apiVersion:\s*["']?kubeadm\.k8s\.io\/(\w+)["']?\s*$/m.exec(source.text) ?? [];
  if (version !== undefined && !['v1beta4', 'v1beta3'].includes(version)) throw unread(source, version);
  const join = version === 'v1beta3' ? upgraded(source) : readDocument(source, joinV1beta4, 'ND906').data;
  if (join.controlPlane !== undefined)
    throw invalid(source, 'controlPlane: nodectl makes workers; kubeadm joins control planes');
  if (join.discovery?.bootstrapToken !== undefined && join.discovery.file !== undefined)
    throw invalid(source, 'discovery: bootstrapToken and file exclude each other');
  const {given, problems} = kubeletArgs(join.nodeRegistration?.kubeletExtraArgs ?? []);
  if (problems.length > 0)
    throw invalid(source, problems.map((p) => `nodeRegistration.kubeletExtraArgs: ${p}`).join('\n'));
  return {
    // kubeadm's order too: an argument of the kubelet wins over the registration's own field.
    input: defined({...inputOf(join), ...defined(given)}),
    discoveryFile: join.discovery?.file?.kubeConfigPath,
    patchesDirectory: join.patches?.directory,
  };
}

/** kubeadm itself turns its older forms into newer ones. */
function unread({path}: Source, version: string): NodectlError {
  return new NodectlError(
    'ND906',
    `${path}: apiVersion kubeadm.k8s.io/${version} is not v1beta4 or v1beta3`,
    {
      next: [`kubeadm config migrate --old-config ${path} --new-config new.yaml, then --config new.yaml`],
    },
  );
}

/** v1beta3 as v1beta4 would say it. */
function upgraded(source: Source): JoinV1beta4 {
  const {nodeRegistration, discovery, ...rest} = readDocument(source, joinV1beta3, 'ND906').data;
  const {timeout, ...sameDiscovery} = discovery ?? {};
  const {kubeletExtraArgs, ...sameRegistration} = nodeRegistration ?? {};
  const args = Object.entries(kubeletExtraArgs ?? {}).map(([name, value]): KubeletArg => ({name, value}));
  return {
    ...rest,
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    discovery: sameDiscovery,
    nodeRegistration: {...sameRegistration, kubeletExtraArgs: [...args]},
    ...(timeout === undefined ? {} : {timeouts: {discovery: timeout}}),
  };
}

function inputOf(join: JoinV1beta4): Partial<JoinInput> {
  const {nodeRegistration: node, discovery, timeouts} = join;
  const token = discovery?.bootstrapToken;
  return {
    endpoint: token?.apiServerEndpoint,
    discoveryToken: token?.token,
    tlsBootstrapToken: discovery?.tlsBootstrapToken,
    caCertHashes: token?.caCertHashes,
    unsafeSkipCaVerification: token?.unsafeSkipCAVerification,
    nodeName: node?.name,
    criSocket: node?.criSocket,
    taints: node?.taints?.map(({key, value, effect}) => `${key}${value ? `=${value}` : ''}:${effect}`),
    ignorePreflightErrors: node?.ignorePreflightErrors,
    skipPhases: join.skipPhases,
    plan: join.dryRun,
    caCertPath: join.caCertPath,
    discoveryTimeoutMs: timeouts?.discovery,
    tlsBootstrapTimeoutMs: timeouts?.tlsBootstrap,
    kubeletTimeoutMs: timeouts?.kubeletHealthCheck,
  };
}

/** Judged by itself, so that what this kubelet refuses is told before anything is changed. */
function kubeletDocument(source: Source | undefined): Record<string, unknown> {
  if (source === undefined) return {};
  readDocument(source, kubeletConfiguration, 'ND701');
  loadKubeletConfig([source], {}, 'node');
  const {apiVersion, kind, ...fields} = readSource(source).value;
  return fields;
}

function proxyDocument(source: Source | undefined): Record<string, unknown> | undefined {
  if (source === undefined) return undefined;
  const {apiVersion, kind, ...fields} = readDocument(source, kubeProxyConfiguration, 'ND711').value;
  return fields;
}

function invalid({path}: Source, what: string): NodectlError {
  return new NodectlError('ND906', `${path}: ${what}`);
}
