import {dirname} from 'node:path';
import {parse} from 'yaml';
import {cgroupExists} from '../../edges/cgroups/cgroup-tree.ts';
import {linkExists, listTables} from '../../edges/network/net-leftovers.ts';
import {logindDropIn} from '../../edges/systemd/logind.ts';
import type {Act} from '../apply/acts.ts';
import type {Entry} from '../apply/entries.ts';
import type {Facts} from '../phase.ts';
import {networkLinks, proxyTables} from './network-remains.ts';
import {kubeletConfigOf} from './node-files.ts';
import {present} from './wanted.ts';

/** What daemons and plugins are going to make outside the layout, and what is not there yet: that will be ours. */
export type Claims = readonly Extract<Act, {kind: 'claim'}>[];

/** Tables that iptables-nft makes on the first rule of a plugin. */
const iptablesTables = ['ip', 'ip6'].flatMap((family) =>
  ['filter', 'nat', 'mangle', 'raw'].map((table) => `${family} ${table}`),
);

/** Shared by all runtimes of a machine, whatever their configuration; parents before children. */
const sharedDirectories = [
  '/run/containerd',
  '/run/containerd/s',
  '/run/containerd/runc',
  '/run/containerd/runc/k8s.io',
  '/var/lib/cni',
  '/var/lib/cni/results',
];

export async function unclaimed(facts: Facts): Promise<Claims> {
  const {options, journal} = facts;
  const {cniConfDir, containerdRoot, containerdState} = options.layout;
  // containerd makes the directory that it watches for network configurations.
  const shared = [...sharedDirectories, dirname(cniConfDir), cniConfDir];
  const cgroups = options.ownLayout ? [`nodectl-${options.nodeName}`] : ['kubepods', 'kubepods.slice'];
  const [tables, directories, files, cgroupsThere, links] = await Promise.all([
    listTables(),
    present(shared),
    present([logindDropIn]),
    Promise.all(cgroups.map(cgroupExists)),
    Promise.all(networkLinks.map(linkExists)),
  ]);
  const claims: Claims = [
    ...(holdsShutdownsBack(facts) && !files.has(logindDropIn)
      ? [{kind: 'claim', what: 'file', name: logindDropIn} as const]
      : []),
    ...shared
      .filter((path) => !directories.has(path))
      .map((name) => ({kind: 'claim', what: 'directory', name}) as const),
    ...cgroups
      .filter((_, at) => !cgroupsThere[at])
      .map((name) => ({kind: 'claim', what: 'cgroup', name}) as const),
    ...[...iptablesTables, ...proxyTables]
      .filter((name) => !tables.includes(name))
      .map((name) => ({kind: 'claim', what: 'table', name}) as const),
    ...networkLinks
      .filter((_, at) => !links[at])
      .map((name) => ({kind: 'claim', what: 'interface', name}) as const),
  ];
  // The runtime's own directories are noted as trees in the same round: they go away with all that is in them.
  const inTree = (name: string) =>
    [containerdRoot, containerdState].some((tree) => `${name}/`.startsWith(`${tree}/`));
  const noted = (what: Entry['kind'], name: string) =>
    journal.find({kind: what, target: name}) !== undefined || journal.covers(name);
  return claims.filter(({what, name}) => !inTree(name) && !noted(what, name));
}

/** The kubelet asks logind for more time then. */
function holdsShutdownsBack(facts: Facts): boolean {
  if (!facts.machine.systemd || facts.options.ownLayout) return false;
  const config: {shutdownGracePeriod?: string} = parse(kubeletConfigOf(facts));
  return !/^(0[a-z]*)?$/.test(config.shutdownGracePeriod ?? '');
}
