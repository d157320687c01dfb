import type {ClusterIdentity} from '../../config/cluster-info.ts';
import type {JoinOptions} from '../../config/join.ts';
import {bootstrapKubeconfig, kubeletPaths} from '../../config/kubelet-files.ts';
import {readText} from '../../edges/files/files.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {CertificateSigningRequest} from '../../lib/kubernetes.ts';
import type {Act} from '../apply/acts.ts';
import {
  type Certificate,
  certifies,
  readCertificate,
  readRequest,
  requestName,
  usableKey,
} from '../apply/certificate.ts';
import {keptFiles, kubeletFiles} from '../learn/node-files.ts';
import {
  missingTrees,
  present,
  unmetFiles,
  type WantedFile,
  type WantedTree,
  writes,
} from '../learn/wanted.ts';
import {type Facts, type PhaseDecision, phase} from '../phase.ts';
import type {Foreseen} from '../plan/types.ts';

export type SeenIdentity = {
  readonly nowMs: number;
  readonly trees: readonly WantedTree[];
  readonly directories: readonly {readonly path: string; readonly mode: number}[];
  readonly files: readonly WantedFile[];
  readonly certificate: Certificate | undefined;
  /** Name of the request that belongs to the cached key. */
  readonly requestName: string | undefined;
  readonly request: CertificateSigningRequest | undefined;
  readonly bootstrapFile: boolean;
  /** A crash came between the certificate and the end of its cached key: another request must not use it again. */
  readonly spentKey: boolean;
};

/** A certificate for the node, and the files with which a kubelet uses it. */
export const identity = phase<SeenIdentity>({
  name: 'identity',
  title: 'Get the node’s identity',
  waitMs: ({timeouts}) => timeouts.tlsBootstrapMs,
  late: (waiting) => new NodectlError('ND410', waiting, {next: lateRequest(waiting)}),
  observe,
  decide: (seen, {options, cluster}) => decideIdentity(seen, options, cluster),
  foresee: async (facts) => foreseeIdentity(await observe(facts), facts.options, facts.cluster),
});

/** Approved and not issued is the signer's fault, which is in kube-controller-manager. */
export function lateRequest(waiting: string): readonly string[] {
  const [, name, how] = /^certificate request (\S+) is (pending|approved)/.exec(waiting) ?? [];
  if (how === 'pending') return [`kubectl certificate approve ${name}, then run the same command again.`];
  return how === undefined
    ? []
    : ['kubectl -n kube-system logs -l component=kube-controller-manager --tail=50'];
}

type Options = Pick<JoinOptions, 'nodeName' | 'layout' | 'bootstrap'>;

export function decideIdentity(
  seen: SeenIdentity,
  options: Options,
  cluster: ClusterIdentity,
): PhaseDecision {
  const directories = makeDirectories(seen);
  if (directories.length > 0) return {acts: directories};
  return isGood(seen, options) ? settle(seen, options) : obtain(seen, options, cluster);
}

function makeDirectories(seen: SeenIdentity): Act[] {
  return [
    ...seen.trees.map((tree): Act => ({kind: 'tree', ...tree})),
    ...seen.directories.map((directory): Act => ({kind: 'directory', ...directory})),
  ];
}

/** All steps to a certificate at once; those that follow from the cluster's answer are left open. */
function foreseeIdentity(seen: SeenIdentity, options: Options, cluster: ClusterIdentity): Foreseen[] {
  const directories = makeDirectories(seen);
  const {cachedKey: keyPath, bootstrapKubeconfig: path} = kubeletPaths(options);
  if (isGood(seen, options)) return [...directories, ...settle(seen, options).acts];
  return [
    ...directories,
    ...(seen.requestName === undefined ? [{kind: 'new-key', path: keyPath} as const] : []),
    ...bootstrapFile(seen, options, cluster),
    {kind: 'request', name: seen.requestName ?? 'named after its key', keyPath},
    {kind: 'certificate', keyPath, certificate: ''},
    ...writes(seen.files),
    {kind: 'remove', path, open: 'before'},
  ];
}

function isGood({certificate, nowMs}: SeenIdentity, options: Options): boolean {
  return (
    certificate?.byCluster === true &&
    certificate.nodeName === options.nodeName &&
    certificate.notAfterMs > nowMs
  );
}

function settle(seen: SeenIdentity, options: Options): PhaseDecision {
  const {bootstrapKubeconfig, cachedKey} = kubeletPaths(options);
  const spent = [...(seen.bootstrapFile ? [bootstrapKubeconfig] : []), ...(seen.spentKey ? [cachedKey] : [])];
  return {acts: [...writes(seen.files), ...spent.map((path): Act => ({kind: 'remove', path}))]};
}

/** Key, then request, then certificate: each step is found again after a crash, so none is made twice. */
function obtain(seen: SeenIdentity, options: Options, cluster: ClusterIdentity): PhaseDecision {
  const {cachedKey} = kubeletPaths(options);
  if (seen.requestName === undefined) return {acts: [{kind: 'new-key', path: cachedKey}]};
  const {request, requestName: name} = seen;
  if (request === undefined)
    return {acts: [...bootstrapFile(seen, options, cluster), {kind: 'request', name, keyPath: cachedKey}]};
  const refusal = request.status?.conditions?.find(({type}) => type === 'Denied' || type === 'Failed');
  if (refusal !== undefined) throw refused(name, refusal);
  const issued = request.status?.certificate;
  if (issued === undefined) return waitFor(request, name);
  const certificate = Buffer.from(issued, 'base64').toString('utf8');
  return {acts: [{kind: 'certificate', keyPath: cachedKey, certificate}]};
}

function bootstrapFile(seen: SeenIdentity, options: Options, cluster: ClusterIdentity): Act[] {
  if (seen.bootstrapFile) return [];
  const content = bootstrapKubeconfig(cluster.server, cluster.ca, options.bootstrap);
  return [
    {kind: 'file', path: kubeletPaths(options).bootstrapKubeconfig, content, mode: 0o600, secret: true},
  ];
}

function refused(name: string, {type, message}: {type: string; message?: string}): NodectlError {
  return new NodectlError('ND409', `request ${name} is ${type}: ${message ?? 'no reason given'}`, {
    next: [`kubectl describe csr ${name}`, `kubectl delete csr ${name}, then run the same command again.`],
  });
}

function waitFor(request: CertificateSigningRequest, name: string): PhaseDecision {
  const approved = request.status?.conditions?.some(({type}) => type === 'Approved') ?? false;
  const since = request.metadata.creationTimestamp ?? '';
  return {
    acts: [],
    againInMs: 5000,
    waiting: approved
      ? `certificate request ${name} is approved; its signer has not issued it yet`
      : `certificate request ${name} is pending since ${since}`,
    awaited: {
      resource: 'certificatesigningrequests',
      name,
      resourceVersion: request.metadata.resourceVersion,
    },
  };
}

async function observe(facts: Facts): Promise<SeenIdentity> {
  const paths = kubeletPaths(facts.options);
  const [pem, cached, there, directories, files] = await Promise.all([
    readText(paths.currentCertificate),
    readText(paths.cachedKey),
    present([paths.bootstrapKubeconfig]),
    missingDirectories(facts),
    unmetFiles([...kubeletFiles(facts), ...keptFiles(facts)]),
  ]);
  const certificate = pem === undefined ? undefined : readCertificate(pem, facts.cluster.ca);
  const key = usableKey(cached);
  const name = key === undefined ? undefined : requestName(key, facts.options.nodeName);
  return {
    nowMs: Date.now(),
    trees: await missingTrees(facts.journal, dataTrees(facts)),
    directories,
    files,
    certificate,
    requestName: name,
    request: name === undefined ? undefined : await readRequest(facts, name),
    bootstrapFile: there.has(paths.bootstrapKubeconfig),
    spentKey: pem !== undefined && key !== undefined && certifies(pem, key),
  };
}

function dataTrees({options}: Facts): WantedTree[] {
  const {kubeletDir, podLogDir, containerLogDir} = options.layout;
  return [
    {path: kubeletDir, mode: 0o700},
    {path: podLogDir, mode: 0o750},
    {path: containerLogDir, mode: 0o755},
  ];
}

async function missingDirectories({options}: Facts): Promise<SeenIdentity['directories']> {
  const {pki, manifests} = kubeletPaths(options);
  const wanted = [
    {path: pki, mode: 0o755},
    {path: manifests, mode: 0o700},
  ];
  const there = await present(wanted.map(({path}) => path));
  return wanted.filter(({path}) => !there.has(path));
}
