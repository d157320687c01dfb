import {dirname} from 'node:path';
import {parse} from 'yaml';
import {cgroupExists} from '../../edges/cgroups/cgroup-tree.ts';
import {isWritable} from '../../edges/machine/sysctl.ts';
import {hasBaseChain, hasChains, linkExists, listTables} from '../../edges/network/net-leftovers.ts';
import {logindDropIn} from '../../edges/systemd/logind.ts';
import type {Act} from '../apply/acts.ts';
import type {Entry} from '../apply/entries.ts';
import type {Facts} from '../phase.ts';
import {
  iptablesChains,
  iptablesTables,
  legacyTables,
  networkLinks,
  networkTrees,
  pluginChains,
  proxySettings,
  proxyTables,
} from './network-remains.ts';
import {kubeletConfigOf} from './node-files.ts';
import {present} from './wanted.ts';

/** What daemons and plugins are going to make outside the layout, and what is not there yet: that will be ours. */
export type Claims = readonly Extract<Act, {kind: 'claim'}>[];

/** Shared by all runtimes of a machine, whatever their configuration; parents before children. */
const sharedDirectories = [
  '/run/containerd',
  '/run/containerd/s',
  '/run/containerd/runc',
  '/run/containerd/runc/k8s.io',
  '/var/lib/cni/results',
];

export async function unclaimed(facts: Facts): Promise<Claims> {
  const {options, journal} = facts;
  const {containerdRoot, containerdState} = options.layout;
  const all = (await Promise.all([ofFiles(facts), ofNetwork(facts)])).flat();
  // The runtime's own directories are noted as trees in the same round: they go away with all that is in them.
  const inTree = (name: string) =>
    [containerdRoot, containerdState].some((tree) => `${name}/`.startsWith(`${tree}/`));
  const noted = (what: Entry['kind'], name: string) =>
    journal.find({kind: what, target: name}) !== undefined || journal.covers(name);
  return all.filter(({what, name}) => !inTree(name) && !noted(what, name));
}

async function ofFiles(facts: Facts): Promise<Claims> {
  const {options} = facts;
  const {cniConfDir} = options.layout;
  const cgroups = options.ownLayout ? [`nodectl-${options.nodeName}`] : ['kubepods', 'kubepods.slice'];
  // A node below a directory of its own shares these with the machine's, and makes none of its add-ons' own.
  const trees = options.ownLayout ? [] : networkTrees;
  const shared = [...sharedDirectories, dirname(cniConfDir)];
  const [there, cgroupsThere] = await Promise.all([
    present([...shared, ...trees, logindDropIn]),
    Promise.all(cgroups.map(cgroupExists)),
  ]);
  const newTrees = trees.filter((path) => !there.has(path));
  const inNew = (path: string) => newTrees.some((tree) => `${path}/`.startsWith(`${tree}/`));
  return [
    ...(holdsShutdownsBack(facts) && !there.has(logindDropIn) ? claims('file', [logindDropIn]) : []),
    ...claims(
      'directory',
      shared.filter((path) => !there.has(path) && !inNew(path)),
    ),
    // containerd makes the directory that it watches; what the cluster's network puts there is of this node.
    ...claims('tree', [...newTrees, cniConfDir]),
    ...claims(
      'cgroup',
      cgroups.filter((_, at) => !cgroupsThere[at]),
    ),
  ];
}

async function ofNetwork({journal}: Facts): Promise<Claims> {
  const [tables, links, settings] = await Promise.all([
    listTables(),
    Promise.all(networkLinks.map(linkExists)),
    Promise.all(proxySettings.map(isWritable)),
  ]);
  // Of a firewall, or of Docker: what of ours comes into them goes alone.
  const shared = iptablesTables.filter(
    (name) => tables.includes(name) && journal.find({kind: 'table', target: name}) === undefined,
  );
  const bases = iptablesChains.filter((chain) => shared.some((table) => chain.startsWith(`${table} `)));
  const based = await Promise.all(bases.map(hasBaseChain));
  const others = [...shared, ...legacyTables];
  const used = await Promise.all(others.map((table) => hasChains(table, pluginChains)));
  return [
    ...claims(
      'table',
      [...iptablesTables, ...proxyTables].filter((name) => !tables.includes(name)),
    ),
    // Before what leads from them, so that they are undone after it.
    ...claims(
      'base-chain',
      bases.filter((_, at) => !based[at]),
    ),
    ...claims(
      'chains',
      others.filter((_, at) => !used[at]),
    ),
    ...claims(
      'interface',
      networkLinks.filter((_, at) => !links[at]),
    ),
    ...claims(
      'sysctl',
      proxySettings.filter((_, at) => settings[at]),
    ),
  ];
}

function claims(what: Claims[number]['what'], names: readonly string[]): Claims {
  return names.map((name) => ({kind: 'claim', what, name}));
}

/** The kubelet asks logind for more time then. */
function holdsShutdownsBack(facts: Facts): boolean {
  if (!facts.machine.systemd || facts.options.ownLayout) return false;
  const config: {shutdownGracePeriod?: string} = parse(kubeletConfigOf(facts));
  return !/^(0[a-z]*)?$/.test(config.shutdownGracePeriod ?? '');
}
