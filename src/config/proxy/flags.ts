import {badFlag, withFieldFlags} from './field-flags.ts';
import type {KubeProxyConfiguration} from './schema.ts';
import {kubeProxyConfiguration} from './schema.ts';

/** The flags of kube-proxy that nodectl takes, as typed; a missing one leaves the file's value. */
export type ProxyFlags = {
  readonly kubeconfig?: string;
  readonly hostnameOverride?: string;
  readonly proxyMode?: string;
  readonly clusterCidr?: string;
  readonly bindAddress?: string;
  readonly healthzBindAddress?: string;
  readonly metricsBindAddress?: string;
  readonly nodeportAddresses?: string;
  readonly detectLocalMode?: string;
  readonly podBridgeInterface?: string;
  readonly podInterfaceNamePrefix?: string;
  readonly conntrackMaxPerCore?: number;
  readonly conntrackMin?: number;
  /** Not kube-proxy's: the name of the private nftables tables. */
  readonly table?: string;
  readonly verbosity?: number;
  /** Those that set one field of the file, by their names. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Names of those that mean nothing here. */
  readonly idle?: readonly string[];
};

/** @throws NodectlError ND711 for a value that the field does not allow */
export function withFlags(file: KubeProxyConfiguration, flags: ProxyFlags): KubeProxyConfiguration {
  const c = withFieldFlags(file, flags.fields ?? {});
  const {shape} = kubeProxyConfiguration;
  const mode = shape.mode.safeParse(flags.proxyMode);
  if (!mode.success) throw badFlag('--proxy-mode', flags.proxyMode, 'iptables, ipvs or nftables');
  const local = shape.detectLocalMode.safeParse(flags.detectLocalMode);
  if (!local.success) throw badFlag('--detect-local-mode', flags.detectLocalMode, 'a detectLocalMode');
  return {
    ...c,
    mode: mode.data || c.mode,
    detectLocalMode: local.data || c.detectLocalMode,
    hostnameOverride: flags.hostnameOverride ?? c.hostnameOverride,
    clusterCIDR: flags.clusterCidr ?? c.clusterCIDR,
    bindAddress: flags.bindAddress ?? c.bindAddress,
    healthzBindAddress: flags.healthzBindAddress ?? c.healthzBindAddress,
    metricsBindAddress: flags.metricsBindAddress ?? c.metricsBindAddress,
    nodePortAddresses: flags.nodeportAddresses?.split(',').map((part) => part.trim()) ?? c.nodePortAddresses,
    clientConnection: {
      ...c.clientConnection,
      kubeconfig: flags.kubeconfig ?? c.clientConnection.kubeconfig,
    },
    detectLocal: {
      bridgeInterface: flags.podBridgeInterface ?? c.detectLocal.bridgeInterface,
      interfaceNamePrefix: flags.podInterfaceNamePrefix ?? c.detectLocal.interfaceNamePrefix,
    },
    conntrack: {
      ...c.conntrack,
      maxPerCore: flags.conntrackMaxPerCore ?? c.conntrack.maxPerCore,
      min: flags.conntrackMin ?? c.conntrack.min,
    },
  };
}
