import type {DetectLocal} from '../../config/proxy.ts';
import type {Family} from '../../lib/addresses.ts';
import type {NodeView} from '../model/node.ts';
import type {PodMatch} from './skeleton.ts';

/** How this node's pods are told in a family; undefined where they cannot be (cmd/kube-proxy/app, getLocalDetectors). */
export function podMatch(detect: DetectLocal, family: Family, node: NodeView): PodMatch | undefined {
  switch (detect.mode) {
    case 'ClusterCIDR':
      return cidrMatch(detect.cidrs[family]);
    case 'NodeCIDR':
      return cidrMatch(node.podCIDRs[family]);
    case 'BridgeInterface':
      return {by: 'interface', name: detect.name};
    case 'InterfaceNamePrefix':
      return {by: 'interface', name: `${detect.prefix}*`};
  }
}

function cidrMatch(cidr: string | undefined): PodMatch | undefined {
  return cidr === undefined ? undefined : {by: 'cidr', cidr};
}
