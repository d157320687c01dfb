import {kubeletPaths} from '../../config/kubelet-files.ts';
import {helloImage, pauseImage} from '../../config/runtime/images.ts';
import {sleep} from '../../edges/clock.ts';
import {exists} from '../../edges/files/files.ts';
import {removeEmptyDirectory, removeTree} from '../../edges/files/host-files.ts';
import {takeLock} from '../../edges/files/lock.ts';
import {removeOrphans} from '../../edges/files/temporaries.ts';
import {packageManager} from '../../edges/install/packages.ts';
import {journalStore} from '../../edges/logs/journal-store.ts';
import {observeMachine} from '../../edges/machine/machine.ts';
import {forceUnmountBelow} from '../../edges/mounts/mounts.ts';
import {deleteTable, listTables} from '../../edges/network/net-leftovers.ts';
import {otherKubelets} from '../../edges/network/same-network.ts';
import {askRuntime, removeAllPods, removeImages} from '../../edges/runtime/containerd.ts';
import {logindDropIn, reloadLogind} from '../../edges/systemd/logind.ts';
import type {ServiceManager} from '../../edges/systemd/services.ts';
import {shutdownIdleSupervisor} from '../../edges/systemd/supervised.ts';
import {describeError, NodectlError} from '../../lib/errors.ts';
import {drain, retire} from '../apply/drain.ts';
import type {Entry} from '../apply/entries.ts';
import {lockPath} from '../join.ts';
import {serviceManager} from '../preflight.ts';
import type {NodePlace, StepDeps} from '../types.ts';
import {describeEntry, isThere} from './entry-sight.ts';
import {Journal} from './journal.ts';
import {heldBy} from './neighbours.ts';
import {describeDamage} from './read-entry.ts';
import {holdsJournal, type UndoTools, undoEntry} from './undo.ts';
import {writePlaces} from './write-places.ts';

export type ResetOptions = NodePlace & {
  readonly plan: boolean;
  /** Evict the node's pods through the API first, as far as that works. */
  readonly drain: boolean;
};

export type ResetResult = {
  readonly planned: boolean;
  readonly nodeName: string | undefined;
  readonly undone: readonly string[];
  readonly left: readonly {readonly what: string; readonly why: string}[];
};

/** The other one stands in for a large table that is being replaced: a proxy may have been killed then. */
const ourTables = ['ip', 'ip6'].flatMap((family) => [
  `${family} nodectl-proxy`,
  `${family} nodectl-proxy-other`,
]);

/**
 * Puts the machine back to what it was before it joined: ends what runs, then undoes the journal from its end to its
 * beginning. Stopped half-way, it goes on where it was; what it leaves it names.
 */
export async function resetNode(options: ResetOptions, deps: StepDeps): Promise<ResetResult> {
  const machine = await observeMachine();
  if (!machine.root) throw new NodectlError('ND101', 'a reset changes the machine and must run as root');
  const lock = await takeLock(lockPath(options.layout));
  try {
    const {layout} = options;
    const journal = await Journal.open(journalStore(`${layout.stateDir}/journal`));
    const services = serviceManager(options, machine.systemd, deps.program);
    const packages = await packageManager();
    const tools: UndoTools = {journal, services, packages, stateDir: layout.stateDir};
    const entries = journal.entries.toReversed();
    const nodeName = entries.find(({kind}) => kind === 'node')?.target;
    const torn = tornEnd(journal);
    if (options.plan) {
      const there = await Promise.all(entries.map(isThere));
      const undone = entries.filter((_, at) => there[at]).map(describeEntry);
      return {planned: true, nodeName, undone, left: torn};
    }
    // Nothing was ever changed: whatever runs here is not ours to end.
    if (entries.length === 0) {
      const more = torn.length === 0 ? [] : await removeJournal(journal, layout.stateDir, entries);
      return {planned: false, nodeName, undone: [], left: [...torn, ...more, ...(await others(options))]};
    }
    const stuck = await endEverything(options, deps, services, entries);
    await removeOrphans([...journal.directories, ...writePlaces(options.layout)], Date.now());
    const {undone, left} = await undoAll(entries, tools, deps);
    await finish(options, services, entries);
    const unknown = await removeJournal(journal, layout.stateDir, entries);
    return {planned: false, nodeName, undone, left: [...torn, ...stuck, ...left, ...unknown]};
  } finally {
    await lock.release();
  }
}

type Remains = {what: string; why: string};

/** A power loss that cut the last entry came before the change itself; what else cut it may not have. */
function tornEnd({torn}: Journal): Remains[] {
  if (torn === undefined) return [];
  const why = `${describeDamage(torn)}; its change had most likely not begun`;
  return [{what: 'the last entry of the journal', why}];
}

/** Every entry is done with; without the one of the state directory nobody knows whether what is in it was there before. */
async function removeJournal(
  journal: Journal,
  stateDir: string,
  entries: readonly Entry[],
): Promise<Remains[]> {
  await removeTree(journal.dir, [], false);
  if (entries.some(({kind, target}) => kind === 'tree' && holdsJournal(target, stateDir))) return [];
  if (await removeEmptyDirectory(stateDir)) return [];
  return [{what: stateDir, why: 'the journal does not tell what was in it before'}];
}

/** Another tool's node is not undone by a journal that nodectl has not written. */
async function others({layout}: ResetOptions): Promise<Remains[]> {
  const {kubeconfig} = kubeletPaths({layout});
  if (!(await exists(kubeconfig))) return [];
  return [{what: kubeconfig, why: 'another tool joined this machine; see nodectl reset --adopt'}];
}

/** Nothing that could make new things runs any more when the undoing begins. */
async function endEverything(
  options: ResetOptions,
  deps: StepDeps,
  services: ServiceManager,
  entries: readonly Entry[],
): Promise<Remains[]> {
  const {layout} = options;
  const names = entries.flatMap(({kind, target}) => (kind === 'service' ? [target] : []));
  if (options.drain) await drain(layout, deps);
  for (const name of names.filter((n) => n.startsWith('nodectl-'))) {
    deps.onStep(`stop ${name}`);
    await services.stop(name);
  }
  await retire(layout, deps);
  const remains = await endPods(options, deps, services, names);
  if (names.includes('containerd')) await services.stop('containerd');
  for (const dir of [layout.kubeletDir, layout.containerdState, layout.containerdRoot])
    for (const point of await forceUnmountBelow(dir))
      remains.push({what: point, why: 'it cannot be unmounted'});
  const tables = names.includes('nodectl-proxy') ? await listTables() : [];
  for (const table of ourTables.filter((t) => tables.includes(t))) {
    deps.onStep(`delete nftables table ${table}`);
    await deleteTable(table);
  }
  return remains;
}

/** By CRI, so that the network plugins take back what they gave; a runtime that is down is started for it. */
async function endPods(
  {layout}: ResetOptions,
  deps: StepDeps,
  services: ServiceManager,
  names: readonly string[],
): Promise<Remains[]> {
  const socket = layout.containerdSocket;
  if (!names.includes('containerd') && (await askRuntime(socket)) === undefined) return [];
  if ((await askRuntime(socket)) === undefined && (await services.status('containerd')).installed) {
    await services.start('containerd').catch(() => undefined);
    for (let waited = 0; waited < 10_000 && (await askRuntime(socket)) === undefined; waited += 200)
      await sleep(200, deps.signal);
  }
  deps.onStep('stop and remove all pods');
  try {
    const stuck = await removeAllPods(socket);
    await removeImages(socket, [pauseImage, helloImage]);
    return stuck.map((what) => ({what: `pod ${what}`, why: 'the runtime could not remove it'}));
  } catch (error) {
    return [{what: 'pods', why: `the runtime does not answer: ${describeError(error)}`}];
  }
}

async function undoAll(
  entries: readonly Entry[],
  tools: UndoTools,
  deps: StepDeps,
): Promise<{undone: string[]; left: Remains[]}> {
  const undone: string[] = [];
  const left: Remains[] = [];
  const neighbours = await otherKubelets();
  for (const entry of entries) {
    deps.signal.throwIfAborted();
    const text = describeEntry(entry);
    const there = await isThere(entry);
    if (there) deps.onStep(text);
    const held = heldBy(entry, neighbours);
    const why = there ? (held ?? (await undoEntry(entry, tools).catch(describeError))) : undefined;
    if (why !== undefined) left.push({what: `${entry.kind} ${entry.target}`, why});
    else if (there) undone.push(text);
    // What is left stays noted no longer: it has been told, and is the administrator's from now on.
    if (!holdsJournal(entry.target, tools.stateDir)) await tools.journal.forget(entry);
  }
  return {undone, left};
}

/** Services that were here before go on with their own files; then our state, and the journal with it, goes. */
async function finish(
  {layout}: ResetOptions,
  services: ServiceManager,
  entries: readonly Entry[],
): Promise<void> {
  if (services.kind === 'systemd') await services.reload();
  if (entries.some(({kind, target}) => kind === 'file' && target === logindDropIn)) await reloadLogind();
  for (const entry of entries)
    if (entry.kind === 'service' && entry.before?.running === true)
      if ((await services.status(entry.target)).installed) await services.restart(entry.target);
  if (services.kind === 'supervised') await shutdownIdleSupervisor(`${layout.stateDir}/supervisor`);
  for (const entry of entries.filter(({target}) => holdsJournal(target, layout.stateDir))) {
    if (entry.kind === 'directory') await removeEmptyDirectory(entry.target);
    if (entry.kind === 'tree')
      await removeTree(
        entry.target,
        entry.before.filter((name) => name !== 'journal'),
        entry.existed,
      );
  }
}
