import {posix} from 'node:path';
import {NodectlError} from '../lib/errors.ts';
import {complete, type KubeletConfiguration} from './kubelet/defaults.ts';
import {flagOverrides, type KubeletFlags, parseLabels} from './kubelet/flags.ts';
import {mergeSources, overlay} from './kubelet/merge.ts';
import {withReservedCpus} from './kubelet/rules/managers.ts';
import {labelProblems} from './kubelet/rules/node-labels.ts';
import {validate} from './kubelet/rules/validate.ts';
import {kubeletConfiguration} from './kubelet/schema.ts';
import {type KubeletSource, type ReadSource, readSource} from './kubelet/source.ts';
import {judgeSupport} from './kubelet/support.ts';
import {kubernetesVersion} from './version.ts';

export type {KubeletConfiguration} from './kubelet/defaults.ts';
export type {KubeletFlags} from './kubelet/flags.ts';
export type {KubeletSource} from './kubelet/source.ts';

/** What only flags can say (cmd/kubelet/app/options, KubeletFlags). */
type FromFlags = {
  readonly nodeName: string;
  /** At most one of each family; empty means that the address of the default route is taken. */
  readonly nodeIPs: readonly string[];
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** '' when there is none: the kubelet then only runs static pods. */
  readonly kubeconfig: string;
  readonly bootstrapKubeconfig: string;
  readonly rootDir: string;
  readonly certDir: string;
  /** Symlinks for log collectors: `<pod>_<namespace>_<container>-<id>.log`. */
  readonly containerLogDir: string;
  /** The cgroup of the container runtime, of which summaries tell; '' where nobody says. */
  readonly runtimeCgroups: string;
  /** A file, or a directory of files, with a CredentialProviderConfig; '' is none. */
  readonly imageCredentialProviderConfig: string;
  readonly imageCredentialProviderBinDir: string;
  readonly verbosity: number;
  /** A cloud controller tells the Node's addresses, and makes it schedulable when it knows it. */
  readonly externalCloudProvider: boolean;
  /** Reported as kubeletVersion: never newer than the API server (see config/skew.ts). */
  readonly version: string;
};

/** Everything that configures a kubelet, defaults filled in. Durations are milliseconds, quantities are text. */
export type KubeletConfig = Readonly<KubeletConfiguration> & FromFlags;

export type LoadedKubeletConfig = {readonly config: KubeletConfig; readonly warnings: readonly string[]};

const maxHostname = 63;

/**
 * The configuration file, then its drop-ins in order, then flags: later ones win; maps merge, lists are replaced.
 * @throws NodectlError ND701 that names each wrong field with its file, line and column
 */
export function loadKubeletConfig(
  sources: readonly KubeletSource[],
  flags: KubeletFlags,
  hostname: string,
): LoadedKubeletConfig {
  const read = sources.map(readKubeletSource);
  const merged = overlay(mergeSources(read), flagOverrides(flags));
  const parsed = kubeletConfiguration.safeParse(merged);
  if (!parsed.success) throw invalid(parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`));
  const configuration = withReservedCpus(complete(parsed.data));
  const labels = parseLabels(flags.nodeLabels ?? '');
  const problems = [...validate(configuration), ...labelProblems(labels)];
  const support = judgeSupport(configuration);
  if (problems.length + support.refused.length > 0) throw invalid([...problems, ...support.refused]);
  return {
    config: Object.freeze({...configuration, ...fromFlags(flags, hostname, configuration)}),
    warnings: [
      ...read.flatMap((source) => source.warnings),
      ...support.warnings,
      ...(flags.idle ?? []).map((name) => `--${name}: has no effect`),
    ],
  };
}

/** @throws NodectlError ND701 also where the file does not say what it is: it may be meant for somebody else */
function readKubeletSource(source: KubeletSource): ReadSource {
  const read = readSource(source);
  const missing = ['apiVersion', 'kind'].filter((field) => read.value[field] === undefined);
  if (missing.length > 0) throw invalid(missing.map((field) => `${source.path}: ${field}: is missing`));
  return read;
}

function invalid(problems: readonly string[]): NodectlError {
  return new NodectlError('ND701', problems.join('\n'));
}

function fromFlags(flags: KubeletFlags, hostname: string, configuration: KubeletConfiguration): FromFlags {
  const rootDir = flags.rootDir ?? '/var/lib/kubelet';
  return {
    nodeName: nodeName(flags.hostnameOverride || hostname),
    nodeIPs: nodeIPs(flags.nodeIp ?? ''),
    nodeLabels: parseLabels(flags.nodeLabels ?? ''),
    kubeconfig: flags.kubeconfig ?? '',
    bootstrapKubeconfig: flags.bootstrapKubeconfig ?? '',
    rootDir,
    certDir: flags.certDir ?? posix.join(rootDir, 'pki'),
    containerLogDir: flags.containerLogDir ?? '/var/log/containers',
    runtimeCgroups: flags.runtimeCgroups ?? '',
    imageCredentialProviderConfig: flags.imageCredentialProviderConfig ?? '',
    imageCredentialProviderBinDir: flags.imageCredentialProviderBinDir ?? '',
    verbosity: flags.verbosity ?? configuration.logging.verbosity,
    externalCloudProvider: flags.cloudProvider === 'external',
    version: reportVersion(flags.reportVersion),
  };
}

/** Node names are lower-case RFC 1123 subdomains; the host name is trimmed and lowered as Kubernetes does. */
function nodeName(text: string): string {
  const name = text.trim().toLowerCase();
  const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
  if (name.length <= 253 && new RegExp(`^${label}(\\.${label})*$`).test(name)) return name;
  throw new NodectlError('ND201', `${JSON.stringify(text)} is not a node name`, {
    next: [`Give a name of at most ${maxHostname} characters with --hostname-override.`],
  });
}

function reportVersion(text: string | undefined): string {
  if (text === undefined || text === '') return kubernetesVersion;
  if (/^v\d+\.\d+\.\d+$/.test(text)) return text;
  throw invalid([`--report-version: ${text} is not a release such as ${kubernetesVersion}`]);
}

function nodeIPs(text: string): readonly string[] {
  const addresses = text === '' ? [] : text.split(',').map((part) => part.trim());
  const families = addresses.map(ipFamily);
  if (families.includes(0)) throw invalid([`--node-ip: ${text} is not an IP address`]);
  if (addresses.length > 2 || new Set(families).size !== families.length)
    throw invalid([`--node-ip: ${text} has more than one address of a family`]);
  return addresses;
}

export function ipFamily(text: string): 0 | 4 | 6 {
  const octets = text.split('.');
  if (octets.length === 4 && octets.every((o) => /^(0|[1-9]\d{0,2})$/.test(o) && Number(o) <= 255)) return 4;
  return text.includes(':') && URL.canParse(`http://[${text}]/`) ? 6 : 0;
}
