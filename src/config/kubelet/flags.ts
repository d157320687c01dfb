import {badFlag, fieldOverrides} from './field-flags.ts';

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
  readonly featureGates?: string;
  readonly containerLogDir?: string;
  readonly runtimeCgroups?: string;
  readonly imageCredentialProviderConfig?: string;
  readonly imageCredentialProviderBinDir?: string;
  readonly verbosity?: number;
  /** `external`: addresses and the end of the first taint come from a cloud controller. */
  readonly cloudProvider?: string;
  /** nodectl's own: the release to report when the API server is older than this kubelet. */
  readonly reportVersion?: string;
  /** Those that set one field of the file, by their names. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Names of those that mean nothing here. */
  readonly idle?: readonly string[];
};

/** Flags in the shape of the file. */
export function flagOverrides(flags: KubeletFlags): Record<string, unknown> {
  return {
    ...fieldOverrides(flags.fields ?? {}),
    ...(flags.registerWithTaints === undefined
      ? {}
      : {registerWithTaints: parseTaints(flags.registerWithTaints)}),
    ...(flags.featureGates === undefined ? {} : {featureGates: parseGates(flags.featureGates)}),
  };
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
