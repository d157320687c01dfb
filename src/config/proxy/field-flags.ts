import {NodectlError} from '../../lib/errors.ts';
import {type ProxyFieldFlag, proxyFieldFlags} from './flag-names.ts';
import {type KubeProxyConfiguration, kubeProxyConfiguration} from './schema.ts';

type Config = KubeProxyConfiguration;
type Section = 'clientConnection' | 'conntrack' | 'iptables' | 'ipvs' | 'logging' | 'nftables';
type Kind =
  | 'text'
  | 'number'
  | 'boolean'
  | 'list'
  /** `Name=true,...` */
  | 'gates';

/** A field, written by its flag and taken over from what the schema makes of it. */
type Field = {
  readonly path: string;
  readonly kind: Kind;
  written(value: unknown): object;
  taken(to: Config, from: Config): Config;
};

function top<F extends keyof Config>(kind: Kind, field: F): Field {
  return {
    path: field,
    kind,
    written: (value) => ({[field]: value}),
    taken: (to, from) => ({...to, [field]: from[field]}),
  };
}

function inner<S extends Section, F extends keyof Config[S] & string>(
  kind: Kind,
  section: S,
  field: F,
): Field {
  return {
    path: `${section}.${field}`,
    kind,
    written: (value) => ({[section]: {[field]: value}}),
    taken: (to, from) => ({...to, [section]: {...to[section], [field]: from[section][field]}}),
  };
}

/** One field, or the same one of two modes. */
const fields: Readonly<Record<ProxyFieldFlag, readonly Field[]>> = {
  'bind-address-hard-fail': [top('boolean', 'bindAddressHardFail')],
  'config-sync-period': [top('text', 'configSyncPeriod')],
  'conntrack-tcp-be-liberal': [inner('boolean', 'conntrack', 'tcpBeLiberal')],
  'conntrack-tcp-timeout-close-wait': [inner('text', 'conntrack', 'tcpCloseWaitTimeout')],
  'conntrack-tcp-timeout-established': [inner('text', 'conntrack', 'tcpEstablishedTimeout')],
  'conntrack-udp-timeout': [inner('text', 'conntrack', 'udpTimeout')],
  'conntrack-udp-timeout-stream': [inner('text', 'conntrack', 'udpStreamTimeout')],
  'feature-gates': [top('gates', 'featureGates')],
  'iptables-localhost-nodeports': [inner('boolean', 'iptables', 'localhostNodePorts')],
  'iptables-masquerade-bit': [inner('number', 'iptables', 'masqueradeBit')],
  'iptables-min-sync-period': [
    inner('text', 'iptables', 'minSyncPeriod'),
    inner('text', 'nftables', 'minSyncPeriod'),
  ],
  'iptables-sync-period': [inner('text', 'iptables', 'syncPeriod'), inner('text', 'nftables', 'syncPeriod')],
  'ipvs-exclude-cidrs': [inner('list', 'ipvs', 'excludeCIDRs')],
  'ipvs-min-sync-period': [inner('text', 'ipvs', 'minSyncPeriod')],
  'ipvs-scheduler': [inner('text', 'ipvs', 'scheduler')],
  'ipvs-strict-arp': [inner('boolean', 'ipvs', 'strictARP')],
  'ipvs-sync-period': [inner('text', 'ipvs', 'syncPeriod')],
  'ipvs-tcp-timeout': [inner('text', 'ipvs', 'tcpTimeout')],
  'ipvs-tcpfin-timeout': [inner('text', 'ipvs', 'tcpFinTimeout')],
  'ipvs-udp-timeout': [inner('text', 'ipvs', 'udpTimeout')],
  'kube-api-burst': [inner('number', 'clientConnection', 'burst')],
  'kube-api-content-type': [inner('text', 'clientConnection', 'contentType')],
  'kube-api-qps': [inner('number', 'clientConnection', 'qps')],
  'logging-format': [inner('text', 'logging', 'format')],
  'oom-score-adj': [top('number', 'oomScoreAdj')],
  'masquerade-all': [
    inner('boolean', 'iptables', 'masqueradeAll'),
    inner('boolean', 'nftables', 'masqueradeAll'),
  ],
  profiling: [top('boolean', 'enableProfiling')],
  'show-hidden-metrics-for-version': [top('text', 'showHiddenMetricsForVersion')],
};

/** @throws NodectlError ND711 for a value that the field does not allow */
export function withFieldFlags(c: Config, typed: Readonly<Record<string, string>>): Config {
  let result = c;
  for (const name of proxyFieldFlags) {
    const text = typed[name];
    if (text === undefined) continue;
    for (const field of fields[name]) result = withField(result, `--${name}`, text, field);
  }
  return result;
}

function withField(c: Config, flag: string, text: string, field: Field): Config {
  const value = parse(flag, text, field.kind);
  const {apiVersion, kind} = c;
  const read = kubeProxyConfiguration.safeParse({apiVersion, kind, ...field.written(value)});
  if (read.success) return field.taken(c, read.data);
  throw badFlag(flag, text, `right for ${field.path}: ${read.error.issues[0]?.message ?? ''}`);
}

function parse(flag: string, text: string, kind: Kind): unknown {
  switch (kind) {
    case 'text':
      return text;
    case 'number':
      if (text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
      throw badFlag(flag, text, 'a number');
    case 'boolean':
      return parseBoolean(flag, text);
    case 'list':
      return parts(text);
    case 'gates':
      return Object.fromEntries(parts(text).map((part) => gate(flag, part)));
  }
}

/** As Go reads it. */
export function parseBoolean(flag: string, text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  throw badFlag(flag, text, 'true or false');
}

function gate(flag: string, part: string): [string, boolean] {
  const [name = '', value = ''] = part.split('=').map((word) => word.trim());
  return [name, parseBoolean(`${flag} ${name}`, value)];
}

function parts(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

export function badFlag(flag: string, value: string | undefined, form: string): NodectlError {
  return new NodectlError('ND711', `${flag}: ${JSON.stringify(value)} is not ${form}`);
}
