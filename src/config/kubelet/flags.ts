import {NodectlError} from '../../lib/errors.ts';

/** The kubelet's flags that nodectl takes, as typed; a missing one leaves the file's value. */
export type KubeletFlags = {
  readonly kubeconfig?: string;
  readonly bootstrapKubeconfig?: string;
  readonly rootDir?: string;
  readonly certDir?: string;
  readonly hostnameOverride?: string;
  readonly nodeIp?: string;
  readonly nodeLabels?: string;
  readonly registerWithTaints?: string;
  readonly containerRuntimeEndpoint?: string;
  readonly imageServiceEndpoint?: string;
  readonly featureGates?: string;
  readonly cgroupRoot?: string;
  readonly cgroupDriver?: string;
  readonly containerLogDir?: string;
  readonly podLogsDir?: string;
  readonly resolvConf?: string;
  readonly clusterDns?: string;
  readonly clusterDomain?: string;
  readonly address?: string;
  readonly port?: number;
  readonly healthzPort?: number;
  readonly healthzBindAddress?: string;
  readonly maxPods?: number;
  readonly podManifestPath?: string;
  readonly providerId?: string;
  readonly clientCaFile?: string;
  readonly failSwapOn?: boolean;
  readonly failCgroupv1?: boolean;
  readonly seccompDefault?: boolean;
  readonly imageCredentialProviderConfig?: string;
  readonly imageCredentialProviderBinDir?: string;
  readonly verbosity?: number;
  /** nodectl's own: the release to report when the API server is older than this kubelet. */
  readonly reportVersion?: string;
};

/** Flags in the shape of the file: they are merged over it. */
export function flagOverrides(flags: KubeletFlags): Record<string, unknown> {
  return withoutUndefined({
    registerWithTaints:
      flags.registerWithTaints === undefined ? undefined : parseTaints(flags.registerWithTaints),
    containerRuntimeEndpoint: flags.containerRuntimeEndpoint,
    imageServiceEndpoint: flags.imageServiceEndpoint,
    featureGates: flags.featureGates === undefined ? undefined : parseGates(flags.featureGates),
    cgroupRoot: flags.cgroupRoot,
    cgroupDriver: flags.cgroupDriver,
    podLogsDir: flags.podLogsDir,
    resolvConf: flags.resolvConf,
    clusterDNS: flags.clusterDns?.split(',').filter((part) => part !== ''),
    clusterDomain: flags.clusterDomain,
    address: flags.address,
    port: flags.port,
    healthzPort: flags.healthzPort,
    healthzBindAddress: flags.healthzBindAddress,
    maxPods: flags.maxPods,
    staticPodPath: flags.podManifestPath,
    providerID: flags.providerId,
    authentication: flags.clientCaFile === undefined ? undefined : {x509: {clientCAFile: flags.clientCaFile}},
    failSwapOn: flags.failSwapOn,
    failCgroupV1: flags.failCgroupv1,
    seccompDefault: flags.seccompDefault,
  });
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** `key=value,other=`: a key without `=` has the empty value. */
export function parseLabels(text: string): Record<string, string> {
  const labels = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=');
      return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
    });
  return Object.fromEntries(labels);
}

/** `key=value:Effect`, `key:Effect`, several with commas (pkg/util/taints). */
function parseTaints(text: string): {key: string; value?: string; effect: string}[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(part);
      if (match === null) throw badFlag('--register-with-taints', part, 'key=value:Effect');
      const [, key = '', value, effect = ''] = match;
      return {key, ...(value === undefined ? {} : {value}), effect};
    });
}

function parseGates(text: string): Record<string, boolean> {
  const gates = text
    .split(',')
    .filter((part) => part !== '')
    .map((part): [string, boolean] => {
      const match = /^\s*(\w+)\s*=\s*(true|false|1|0|t|f)\s*$/i.exec(part);
      if (match === null) throw badFlag('--feature-gates', part, 'Name=true');
      return [match[1] ?? '', /^(true|1|t)$/i.test(match[2] ?? '')];
    });
  return Object.fromEntries(gates);
}

function badFlag(flag: string, value: string, form: string): NodectlError {
  return new NodectlError('ND904', `${flag}: ${JSON.stringify(value)} is not ${form}`);
}
