import type {ServicePort, ServiceView} from '../model/services.ts';
import type {Usable} from '../model/topology.ts';
import {type ChainNames, chainNames, portName} from './names.ts';

/** One port of a Service, and what its rules ask about it again and again. */
export type OnePort = {
  readonly service: ServiceView;
  readonly port: ServicePort;
  readonly usable: Usable;
  /** `namespace/name:port` */
  readonly text: string;
  readonly names: ChainNames;
  /** Whether some endpoint takes traffic for the ClusterIP from here. */
  readonly hasInternal: boolean;
  /** Whether some endpoint takes traffic from outside. */
  readonly hasExternal: boolean;
  readonly internalChain: string;
  /** The load balancer's addresses are for some sources only. */
  readonly isFirewalled: boolean;
};

export function lookAtPort(service: ServiceView, port: ServicePort, usable: Usable): OnePort {
  const text = portName(service, port);
  const names = chainNames(text, port.protocol);
  const hasLocal = usable.local.length > 0;
  return {
    service,
    port,
    usable,
    text,
    names,
    hasInternal: usable.any && (!service.internalLocal || hasLocal),
    hasExternal: usable.any && (!service.externalLocal || hasLocal),
    internalChain: service.internalLocal ? names.local : names.cluster,
    isFirewalled: usable.any && service.loadBalancerIPs.length > 0 && service.sourceRanges.length > 0,
  };
}
