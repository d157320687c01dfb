import {sharedNat} from '../../config/machine/node-ip.ts';
import {globalAddresses} from '../../edges/network/node-addresses.ts';
import type {Node} from '../../lib/kubernetes.ts';
import {type Finding, failure, warning} from '../check.ts';
import {command, nodeCheck, type Told} from '../node/context.ts';

type Local = {readonly device: string; readonly address: string};

/** Others reach the node at the address of its Node object: it must be this machine's, and no other's too. */
export const nodeAddress = nodeCheck({
  name: 'NodeAddress',
  category: 'identity',
  codes: ['ND206', 'ND207'],
  looks: 'compares the addresses of the Node object with those of this machine’s links',
  after: ['NodeObject'],
  blames: ['SameMachine'],
  async observe({sight}) {
    return {node: await sight.node(), local: globalAddresses()};
  },
  judge: ({node, local}, context) => judgeAddress(node, local, command(context, 'join …')),
});

export function judgeAddress(node: Told<Node>, local: readonly Local[], again: string): readonly Finding[] {
  if (node.kind !== 'there') return [];
  const told = (node.object.status?.addresses ?? []).flatMap(({type, address}) =>
    type === 'InternalIP' ? [address] : [],
  );
  const lost = told.find((address) => !local.some((own) => own.address === address));
  const has = local.map(({device, address}) => `${device} ${address}`).join(', ');
  if (lost !== undefined)
    return [
      failure(
        'ND207',
        `the node’s address ${lost} is not on this machine any more\nit has ${has === '' ? 'none' : has}`,
        'ip address',
        `${again} chooses another address`,
      ),
    ];
  if (!told.includes(sharedNat)) return [];
  const other = local.find(({address}) => address !== sharedNat && !address.includes(':'));
  return [
    warning(
      'ND206',
      `the node’s address ${sharedNat} is the same in every virtual machine behind NAT\nother nodes cannot reach it`,
      other === undefined
        ? 'Give the machine a second, host-only or bridged network.'
        : `sudo nodectl join … --node-ip ${other.address}`,
    ),
  ];
}
