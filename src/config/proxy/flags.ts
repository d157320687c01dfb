import {NodectlError} from '../../lib/errors.ts';
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
  readonly masqueradeAll?: boolean;
  readonly detectLocalMode?: string;
  readonly podBridgeInterface?: string;
  readonly podInterfaceNamePrefix?: string;
  readonly conntrackMaxPerCore?: number;
  readonly conntrackMin?: number;
  /** Not kube-proxy's: the name of the private nftables tables. */
  readonly table?: string;
  readonly verbosity?: number;
};

/** @throws NodectlError ND711 for a value that the field does not allow */
export function withFlags(c: KubeProxyConfiguration, flags: ProxyFlags): KubeProxyConfiguration {
  const {shape} = kubeProxyConfiguration;
  const mode = shape.mode.safeParse(flags.proxyMode);
  if (!mode.success) throw wrong('--proxy-mode', flags.proxyMode, 'iptables, ipvs or nftables');
  const local = shape.detectLocalMode.safeParse(flags.detectLocalMode);
  if (!local.success) throw wrong('--detect-local-mode', flags.detectLocalMode, 'a detectLocalMode');
  const masqueradeAll = flags.masqueradeAll === undefined ? {} : {masqueradeAll: flags.masqueradeAll};
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
    iptables: {...c.iptables, ...masqueradeAll},
    nftables: {...c.nftables, ...masqueradeAll},
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

function wrong(flag: string, value: string | undefined, form: string): NodectlError {
  return new NodectlError('ND711', `${flag}: ${JSON.stringify(value)} is not ${form}`);
}
