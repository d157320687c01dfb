import type {Queue} from '../../../lib/control/queue.ts';
import type {Decision} from '../../../lib/control/reconcile.ts';
import type {Node} from '../../../lib/kubernetes.ts';
import {nodes} from '../../../lib/resources.ts';
import {addressRange, addressText} from '../../admission/services/address-range.ts';
import {type Context, runController} from '../controller.ts';

export type IpamSeen = {
  readonly node: Node;
  readonly taken: ReadonlySet<string>;
  readonly podCidr: string;
};
export type IpamAct =
  | {readonly type: 'assign'; readonly node: Node; readonly cidr: string}
  | {readonly type: 'full'; readonly node: Node};

/** kube-controller-manager's --node-cidr-mask-size-ipv4 and -ipv6. */
const nodeBits = {IPv4: 24, IPv6: 64};
const allBits = {IPv4: 32, IPv6: 128};

/** The first /24 (or /64) of the cluster's range that no node has. */
export function decideIpam({node, taken, podCidr}: IpamSeen): Decision<IpamAct> {
  if (node.spec?.podCIDR || node.metadata.deletionTimestamp !== undefined) return {acts: []};
  const {family, base, size} = addressRange(podCidr);
  const bits = nodeBits[family];
  const step = 1n << BigInt(allBits[family] - bits);
  for (let at = base; at < base + size; at += step) {
    const cidr = `${addressText(at, family)}/${bits}`;
    if (!taken.has(cidr)) return {acts: [{type: 'assign', node, cidr}]};
  }
  return {acts: [{type: 'full', node}]};
}

export function startNodeIpam(context: Context): Queue {
  const {caches, client, events, podCidr} = context;
  const queue = runController<IpamSeen, IpamAct>(context, {
    name: 'node-ipam',
    concurrency: 1,
    observe: (name) => {
      const node = caches.nodes.get(name);
      const taken = new Set([...caches.nodes.values()].flatMap(({spec}) => spec?.podCIDRs ?? []));
      return node === undefined ? undefined : {node, taken, podCidr};
    },
    decide: decideIpam,
    apply: async (act) => {
      const {name, uid} = act.node.metadata;
      if (act.type === 'full') {
        const message = `Node ${name} status is now: CIDRNotAvailable`;
        events.record({
          resource: nodes,
          about: act.node,
          type: 'Normal',
          reason: 'CIDRNotAvailable',
          message,
          component: 'cidrAllocator',
        });
        return;
      }
      const body = {metadata: {uid}, spec: {podCIDR: act.cidr, podCIDRs: [act.cidr]}};
      await caches.nodes.shows(await client.patch(nodes, {name}, {type: 'merge', body}));
    },
  });
  caches.nodes.listen((now, before) => {
    if (now !== undefined) queue.enqueue(now.metadata.name);
    else if (before !== undefined)
      for (const node of caches.nodes.values()) if (!node.spec?.podCIDR) queue.enqueue(node.metadata.name);
  });
  return queue;
}
