import type {Iptables} from '../../../../../src/edges/nftables/iptables.ts';
import {silent} from '../../../../../src/lib/log.ts';
import {IptablesDataPlane, type IptablesPlaneOptions} from '../../../../../src/proxy/iptables/data-plane.ts';
import {nodePortIPs} from '../../../../../src/proxy/model/node.ts';
import type {Changes} from '../../../../../src/proxy/plane/plane.ts';
import {nodeOf, podRange, serviceRange, sourcesOf, type Vector, world} from '../../support/vectors.ts';

export function iptablesPlane(
  iptables: Iptables,
  options: Partial<IptablesPlaneOptions> = {},
): IptablesDataPlane {
  const {family} = iptables;
  return new IptablesDataPlane({
    iptables,
    family,
    masqueradeMark: 0x4000,
    randomFully: true,
    localhostNodePorts: false,
    liberalConntrack: false,
    masqueradeAll: false,
    allowExternalIPs: true,
    pods: {by: 'cidr', cidr: family === 'IPv4' ? '10.0.0.0/8' : 'fd00::/64'},
    monotonic: () => 0,
    log: silent,
    refuse: () => undefined,
    onBroken: (key, error) => {
      throw new Error(key, {cause: error});
    },
    counters: {failed: () => undefined, restored: () => undefined},
    ...options,
  });
}

/** A plane that wants what a vector says, with the configuration that it names. */
export function planeOf(vector: Vector, iptables: Iptables, localhostNodePorts = false): IptablesDataPlane {
  return iptablesPlane(iptables, {
    masqueradeAll: vector.masqueradeAll,
    allowExternalIPs: vector.allowExternalIPs,
    localhostNodePorts,
    pods: vector.detectLocal ? {by: 'cidr', cidr: podRange[vector.family]} : undefined,
  });
}

export function changesOf(vector: Vector): Changes {
  const {family} = vector;
  const node = nodeOf(vector);
  const local = [world.node?.[family] ?? '', world.node2?.[family] ?? ''];
  return {
    sources: sourcesOf(vector),
    node,
    context: {
      nodePortIPs: nodePortIPs(vector.nodePortAddresses, family, node, local),
      serviceCIDRs: [serviceRange[family]],
    },
  };
}
