import {expect, it} from 'vitest';
import type {Entry} from '../../../src/bootstrap/apply/entries.ts';
import {heldBy} from '../../../src/bootstrap/undo/neighbours.ts';

const alone = {network: undefined, files: undefined};
/** In a network of its own, as with ip netns, on the same disk. */
const beside = {network: undefined, files: 7};
const within = {network: 7, files: 7};

const tree = (target: string): Entry => ({kind: 'tree', target, existed: false, before: []});
const table: Entry = {kind: 'table', target: 'ip kube-proxy'};
const setting: Entry = {kind: 'sysctl', target: 'net.ipv4.ip_forward', before: '0'};

it.each<[string, Entry, object, boolean]>([
  ['the tables of a node that is alone', table, alone, false],
  ['the tables of another network', table, beside, false],
  ['the tables of a shared network', table, within, true],
  ['the forwarding of a shared network', setting, within, true],
  ['a link of a shared network', {kind: 'interface', target: 'cni0'}, within, true],
  ['chains in a table of a shared network', {kind: 'chains', target: 'ip nat'}, within, true],
  ['a module beside another node', {kind: 'module', target: 'br_netfilter'}, beside, true],
  ['swap beside another node', {kind: 'swap', target: '/dev/sda2'}, beside, true],
  ['what plugins of both keep', tree('/var/lib/cni'), beside, true],
  ['its own data', tree('/data/left/kubelet'), within, false],
  ['its own file', {kind: 'file', target: '/etc/x', before: {kind: 'absent'}, after: []}, within, false],
])('a reset beside another kubelet: %s', (_, entry, neighbours, stays) => {
  const why = heldBy(entry, {...alone, ...neighbours});
  expect(why).toEqual(stays ? 'another kubelet of this machine may need it (process 7)' : undefined);
});
