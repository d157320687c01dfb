import {basename} from 'node:path';
import {kubeletPaths} from '../config/kubelet-files.ts';
import type {Layout} from '../config/layout.ts';
import {exists, listDirectory, removeFile} from '../edges/files/files.ts';
import {removeEmptyDirectory, removeTree} from '../edges/files/host-files.ts';
import {takeLock} from '../edges/files/lock.ts';
import {observeMachine} from '../edges/machine/machine.ts';
import {forceUnmountBelow} from '../edges/mounts/mounts.ts';
import {deleteLink, deleteTable, holdsOnly, linkExists, listTables} from '../edges/network/net-leftovers.ts';
import {sameNetwork} from '../edges/network/same-network.ts';
import {askRuntime, removeAllPods} from '../edges/runtime/containerd.ts';
import type {ServiceManager} from '../edges/systemd/services.ts';
import {describeError, NodectlError} from '../lib/errors.ts';
import {drain, ownName} from './apply/drain.ts';
import {lockPath} from './join.ts';
import {networkLinks, pluginChains, proxyTables} from './learn/network-remains.ts';
import {serviceManager} from './preflight.ts';
import type {NodePlace, StepDeps} from './types.ts';
import type {ResetResult} from './undo/reset.ts';

/** What of a node that kubeadm joined is here, as acts that take it away. */
export type AdoptAct =
  | {readonly kind: 'drain'}
  | {readonly kind: 'stop'; readonly service: string}
  | {readonly kind: 'pods'; readonly socket: string}
  | {readonly kind: 'empty' | 'tree' | 'file'; readonly path: string}
  | {readonly kind: 'link' | 'table'; readonly name: string};

export type SeenForeignNode = {
  readonly kubelet: {readonly installed: boolean; readonly enabled: boolean; readonly running: boolean};
  /** Kubelets that no service of this machine has started: nothing would keep them from making all of it anew. */
  readonly strays: readonly {readonly pid: number; readonly command: string}[];
  readonly controlPlane: boolean;
  readonly runtime: boolean;
  readonly paths: ReadonlySet<string>;
  readonly networkConfigs: readonly string[];
  readonly links: readonly string[];
  /** Tables that hold nothing but chains of kube-proxy and of plugins. */
  readonly tables: readonly string[];
};

export async function seeForeignNode(layout: Layout, services: ServiceManager): Promise<SeenForeignNode> {
  const paths = [...kubeadmFiles(layout), ...kubeadmTrees(layout), layout.kubeletDir];
  const found = await Promise.all(paths.map(exists));
  const links = await Promise.all(networkLinks.map(linkExists));
  const tables = await listTables();
  const ours = await Promise.all(
    tables.map((table) => (proxyTables.includes(table) ? true : holdsOnly(table, pluginChains))),
  );
  const kubelet = await services.status('kubelet');
  return {
    kubelet,
    strays: kubelet.running ? [] : await sameNetwork(['kubelet']),
    controlPlane: await exists(`${kubeletPaths({layout}).manifests}/kube-apiserver.yaml`),
    runtime: (await askRuntime(layout.containerdSocket)) !== undefined,
    paths: new Set(paths.filter((_, at) => found[at])),
    networkConfigs: (await listDirectory(layout.cniConfDir))
      .filter((name) => /\.(conf|conflist|json)$/.test(name))
      .map((name) => `${layout.cniConfDir}/${name}`),
    links: networkLinks.filter((_, at) => links[at]),
    tables: tables.filter((_, at) => ours[at]),
  };
}

function kubeadmFiles(layout: Layout): string[] {
  const {kubeconfig, bootstrapKubeconfig, ca} = kubeletPaths({layout});
  return [kubeconfig, bootstrapKubeconfig, ca];
}

function kubeadmTrees(layout: Layout): string[] {
  return [kubeletPaths({layout}).manifests, '/var/lib/cni'];
}

/**
 * What `kubeadm reset` does to a worker, and what it leaves: network configurations, links and rules. The kubelet's
 * package, containerd and its configuration stay; images too.
 * @throws NodectlError ND609 on a control plane, whose data is not ours to end; ND605 beside a kubelet that would go on
 */
export function decideAdopt(seen: SeenForeignNode, layout: Layout): readonly AdoptAct[] {
  if (seen.controlPlane)
    throw new NodectlError('ND609', `${kubeletPaths({layout}).manifests} has an API server’s manifest`);
  const {paths, kubelet, strays} = seen;
  const [stray] = strays;
  if (stray !== undefined)
    throw new NodectlError(
      'ND605',
      `kubelet runs and is no service (process ${stray.pid}: ${stray.command})`,
      {
        next: ['Stop what started it, then do the same again.'],
      },
    );
  const [kubeconfig = ''] = kubeadmFiles(layout);
  return [
    ...(paths.has(kubeconfig) ? [{kind: 'drain'} as const] : []),
    ...(kubelet.enabled || kubelet.running ? [{kind: 'stop', service: 'kubelet'} as const] : []),
    ...(seen.runtime && paths.size > 0 ? [{kind: 'pods', socket: layout.containerdSocket} as const] : []),
    ...(paths.has(layout.kubeletDir) ? [{kind: 'empty', path: layout.kubeletDir} as const] : []),
    ...kubeadmTrees(layout)
      .filter((path) => paths.has(path))
      .map((path) => ({kind: 'tree', path}) as const),
    ...[...kubeadmFiles(layout).filter((path) => paths.has(path)), ...seen.networkConfigs].map(
      (path) => ({kind: 'file', path}) as const,
    ),
    ...seen.links.map((name) => ({kind: 'link', name}) as const),
    ...seen.tables.map((name) => ({kind: 'table', name}) as const),
  ];
}

export function describeAdopt(act: AdoptAct): string {
  switch (act.kind) {
    case 'drain':
      return 'cordon and drain the node, as far as its own credentials allow';
    case 'stop':
      return `stop and disable ${act.service}.service`;
    case 'pods':
      return `stop and remove all pods of ${act.socket}`;
    case 'empty':
      return `unmount and remove everything in ${act.path}`;
    case 'tree':
      return `remove ${act.path} and all in it`;
    case 'file':
      return `remove ${act.path}`;
    case 'link':
    case 'table':
      return `remove ${act.kind} ${act.name}`;
  }
}

/** Why it was left, or undefined. */
export async function applyAdopt(
  act: AdoptAct,
  services: ServiceManager,
  drain: () => Promise<void>,
): Promise<string | undefined> {
  switch (act.kind) {
    case 'drain':
      await drain();
      return undefined;
    case 'stop':
      await services.disable(act.service);
      return undefined;
    case 'pods': {
      const stuck = await removeAllPods(act.socket);
      return stuck.length === 0 ? undefined : `the runtime could not remove ${stuck.join(', ')}`;
    }
    case 'empty':
    case 'tree':
      return clear(act.path, act.kind === 'empty');
    case 'file':
      await removeFile(act.path);
      if (basename(act.path) === 'ca.crt') await removeEmptyDirectory(act.path.replace(/\/ca\.crt$/, ''));
      return undefined;
    case 'link':
      await deleteLink(act.name);
      return undefined;
    case 'table':
      await deleteTable(act.name);
      return undefined;
  }
}

/** Never through a mount: what does not unmount keeps its tree. */
async function clear(path: string, keep: boolean): Promise<string | undefined> {
  const stuck = await forceUnmountBelow(path);
  if (stuck.length > 0) return `${stuck.join(', ')} cannot be unmounted`;
  await removeTree(path, [], keep);
  return undefined;
}

export type AdoptOptions = NodePlace & {readonly plan: boolean};

/**
 * Cleans a worker that another tool has joined: the same words as a reset, from what is seen instead of a journal.
 * @throws NodectlError ND609 on a control plane, ND904 when the node is nodectl's own
 */
export async function adoptNode(options: AdoptOptions, deps: StepDeps): Promise<ResetResult> {
  const {layout} = options;
  const machine = await observeMachine();
  if (!machine.root) throw new NodectlError('ND101', 'a reset changes the machine and must run as root');
  const lock = await takeLock(lockPath(layout));
  try {
    if (await exists(`${layout.stateDir}/journal`))
      throw new NodectlError('ND904', 'this node was joined by nodectl: reset without --adopt');
    const services = serviceManager(options, machine.systemd, deps.program);
    const acts = decideAdopt(await seeForeignNode(layout, services), layout);
    const nodeName = await ownName(layout);
    if (options.plan) return {planned: true, nodeName, undone: acts.map(describeAdopt), left: []};
    const undone: string[] = [];
    const left: {what: string; why: string}[] = [];
    for (const act of acts) {
      deps.signal.throwIfAborted();
      deps.onStep(describeAdopt(act));
      const why = await applyAdopt(act, services, () => drain(layout, deps)).catch(describeError);
      if (why === undefined) undone.push(describeAdopt(act));
      else left.push({what: describeAdopt(act), why});
    }
    return {planned: false, nodeName, undone, left};
  } finally {
    await lock.release();
  }
}
