import * as z from 'zod/mini';
import {parseDuration} from '../machine/units.ts';

/**
 * KubeProxyConfiguration kubeproxy.config.k8s.io/v1alpha1 as it is written, with the defaults of Kubernetes 1.36
 * (pkg/proxy/apis/config/v1alpha1/defaults.go). Go cannot tell an unset string, number or duration from its zero
 * value, so the zero value means the default there too. Durations are milliseconds after parsing.
 */
const text = z._default(z.string(), '');
const texts = z._default(z.array(z.string()), []);
const flag = (fallback: boolean) => z._default(z.boolean(), fallback);
const count = z.int().check(z.minimum(0));

const duration = z.pipe(
  z
    .string()
    .check(
      z.refine((value) => parseDuration(value) !== undefined, {error: 'is not a duration such as 1m30s'}),
    ),
  z.transform((value: string) => parseDuration(value) ?? 0),
);
const period = duration.check(z.refine((value) => value >= 0, {error: 'must not be negative'}));
const orPeriod = (fallbackMs: number) =>
  z._default(
    z.pipe(
      period,
      z.transform((value: number) => (value === 0 ? fallbackMs : value)),
    ),
    fallbackMs,
  );
const orText = (fallback: string) =>
  z._default(
    z.pipe(
      z.string(),
      z.transform((value: string) => (value === '' ? fallback : value)),
    ),
    fallback,
  );
const bit = z._default(z.int().check(z.minimum(0), z.maximum(31)), 14);
const oneOf = <const T extends string>(...options: readonly [T, ...T[]]) =>
  z._default(z.enum([...options]), options[0]);

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

const nftables = z.strictObject({
  masqueradeBit: bit,
  masqueradeAll: flag(false),
  syncPeriod: orPeriod(30 * second),
  minSyncPeriod: orPeriod(second),
});

const iptables = z.strictObject({
  masqueradeBit: bit,
  masqueradeAll: flag(false),
  localhostNodePorts: flag(true),
  syncPeriod: orPeriod(30 * second),
  minSyncPeriod: orPeriod(second),
});

const ipvs = z.strictObject({
  syncPeriod: orPeriod(30 * second),
  minSyncPeriod: z._default(period, 0),
  scheduler: text,
  excludeCIDRs: texts,
  strictARP: flag(false),
  tcpTimeout: z._default(period, 0),
  tcpFinTimeout: z._default(period, 0),
  udpTimeout: z._default(period, 0),
});

const winkernel = z.strictObject({
  networkName: text,
  sourceVip: text,
  enableDSR: flag(false),
  rootHnsEndpointName: text,
  forwardHealthCheckVip: flag(false),
});

const conntrack = z.strictObject({
  maxPerCore: z._default(count, 32 * 1024),
  min: z._default(count, 128 * 1024),
  tcpEstablishedTimeout: z._default(period, 24 * hour),
  tcpCloseWaitTimeout: z._default(period, hour),
  tcpBeLiberal: flag(false),
  udpTimeout: z._default(period, 0),
  udpStreamTimeout: z._default(period, 0),
});

const clientConnection = z.strictObject({
  kubeconfig: text,
  acceptContentTypes: text,
  contentType: orText('application/vnd.kubernetes.protobuf'),
  qps: z._default(z.number(), 5),
  burst: z._default(count, 10),
});

/** component-base's LoggingConfiguration; what is below `options` belongs to the format and is not checked here. */
const logging = z.strictObject({
  format: orText('text'),
  /** A number is of nanoseconds. */
  flushFrequency: z._default(
    z.union([
      period,
      z.pipe(
        z.number(),
        z.transform((ns: number) => ns / 1e6),
      ),
    ]),
    5 * second,
  ),
  verbosity: z._default(count, 0),
  vmodule: z._default(z.array(z.strictObject({filePattern: z.string(), verbosity: count})), []),
  options: z._default(z.record(z.string(), z.unknown()), {}),
});

export const kubeProxyConfiguration = z.strictObject({
  apiVersion: z.literal('kubeproxy.config.k8s.io/v1alpha1', {
    error: 'must be kubeproxy.config.k8s.io/v1alpha1',
  }),
  kind: z.literal('KubeProxyConfiguration', {error: 'must be KubeProxyConfiguration'}),
  featureGates: z._default(z.record(z.string(), z.boolean()), {}),
  clientConnection: z.prefault(clientConnection, {}),
  logging: z.prefault(logging, {}),
  hostnameOverride: text,
  bindAddress: orText('0.0.0.0'),
  healthzBindAddress: text,
  metricsBindAddress: text,
  bindAddressHardFail: flag(false),
  enableProfiling: flag(false),
  showHiddenMetricsForVersion: text,
  mode: oneOf('', 'iptables', 'ipvs', 'nftables'),
  iptables: z.prefault(iptables, {}),
  ipvs: z.prefault(ipvs, {}),
  nftables: z.prefault(nftables, {}),
  winkernel: z.prefault(winkernel, {}),
  detectLocalMode: oneOf('', 'ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix'),
  detectLocal: z.prefault(z.strictObject({bridgeInterface: text, interfaceNamePrefix: text}), {}),
  clusterCIDR: text,
  nodePortAddresses: texts,
  oomScoreAdj: z._default(z.int().check(z.minimum(-1000), z.maximum(1000)), -999),
  conntrack: z.prefault(conntrack, {}),
  configSyncPeriod: orPeriod(15 * minute),
  portRange: text,
  windowsRunAsService: flag(false),
});

export type KubeProxyConfiguration = z.output<typeof kubeProxyConfiguration>;
