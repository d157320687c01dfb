import type {KubeProxyConfiguration} from './schema.ts';

type Read = (c: KubeProxyConfiguration) => unknown;

/** What kube-proxy knows (zero is the default of a rate) and this proxy has no use for; a value other than the default is told of by name. */
const unused: Readonly<Record<string, Read>> = {
  'clientConnection.qps': (c) => c.clientConnection.qps || 5,
  'clientConnection.burst': (c) => c.clientConnection.burst || 10,
  enableProfiling: (c) => c.enableProfiling,
  showHiddenMetricsForVersion: (c) => c.showHiddenMetricsForVersion,
  configSyncPeriod: (c) => c.configSyncPeriod,
  portRange: (c) => c.portRange,
  windowsRunAsService: (c) => c.windowsRunAsService,
  ipvs: (c) => c.ipvs,
  winkernel: (c) => c.winkernel,
  'logging.format': (c) => c.logging.format,
  'logging.vmodule': (c) => c.logging.vmodule,
};

/** The only gate that changes what is done here. */
const knownGates = ['AllowServiceExternalIPs'];

export function unusedFields(c: KubeProxyConfiguration, defaults: KubeProxyConfiguration): string[] {
  const fields = Object.entries(unused)
    .filter(([, read]) => JSON.stringify(read(c)) !== JSON.stringify(read(defaults)))
    .map(([field]) => field);
  const gates = Object.keys(c.featureGates)
    .filter((gate) => !knownGates.includes(gate))
    .map((gate) => `featureGates.${gate}`);
  return [...fields, ...gates].map((field) => `${field} is set, and has no effect here`);
}
