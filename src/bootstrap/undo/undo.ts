import {dirname} from 'node:path';
import {removeCgroup} from '../../edges/cgroups/cgroup-tree.ts';
import {stopSlice} from '../../edges/cgroups/systemd-cgroups.ts';
import {linkAtomic, makeDirectory, removeFile, writeAtomic} from '../../edges/files/files.ts';
import {
  type PathState,
  pathState,
  removeEmptyDirectory,
  removeTree,
  restoreMode,
  restoreOwner,
  sha256,
} from '../../edges/files/host-files.ts';
import type {PackageManager} from '../../edges/install/packages.ts';
import {readSysctl, unloadModule, writeSysctl} from '../../edges/machine/sysctl.ts';
import {forceUnmountBelow} from '../../edges/mounts/mounts.ts';
import {closePort} from '../../edges/network/firewall.ts';
import {
  deleteLink,
  deleteTable,
  holdsOnly,
  listTables,
  removeBaseChain,
  removeChains,
} from '../../edges/network/net-leftovers.ts';
import {run} from '../../edges/process/run.ts';
import type {ServiceManager} from '../../edges/systemd/services.ts';
import {kept, linkDigest} from '../apply/apply-files.ts';
import type {Before, Entry} from '../apply/entries.ts';
import {pluginChains, proxyTables} from '../learn/network-remains.ts';
import type {Journal} from './journal.ts';

export type UndoTools = {
  readonly journal: Journal;
  readonly services: ServiceManager;
  readonly packages: PackageManager | undefined;
  /** Holds the journal: emptied last, by the reset itself. */
  readonly stateDir: string;
};

/** Why a thing was left as it is; undefined when it is as it was before nodectl. */
export type Left = string | undefined;

export async function undoEntry(entry: Entry, tools: UndoTools): Promise<Left> {
  switch (entry.kind) {
    case 'file':
      return undoFile(entry, tools.journal);
    case 'directory':
      if (holdsJournal(entry.target, tools.stateDir)) return undefined;
      return (await removeEmptyDirectory(entry.target)) ? undefined : 'it is not empty';
    case 'tree':
      return holdsJournal(entry.target, tools.stateDir) ? undefined : undoTree(entry);
    case 'sysctl':
      return undoSysctl(entry);
    case 'module':
      return (await unloadModule(entry.target)) ? undefined : 'it is in use';
    case 'swap':
      return (await run('swapon', [entry.target], {okCodes: [0, 1, 255]})).exitCode === 0
        ? undefined
        : 'swapon refused it';
    case 'firewall':
      await closePort(entry.firewall, entry.target);
      return undefined;
    case 'packages':
      return undoPackages(entry.names, tools.packages);
    case 'service':
      // One that was here before us is started again when its own files are back.
      if (entry.before === undefined) await tools.services.remove(entry.target);
      else if (!entry.before.enabled) await tools.services.disable(entry.target);
      return undefined;
    case 'cgroup':
      if (tools.services.kind === 'systemd' && entry.target.endsWith('.slice')) await stopSlice(entry.target);
      return (await removeCgroup(entry.target)) ? undefined : 'processes live in it';
    case 'interface':
      await deleteLink(entry.target);
      return undefined;
    case 'table':
      return undoTable(entry.target);
    case 'base-chain':
      return (await removeBaseChain(entry.target)) ? undefined : 'others have rules in it';
    case 'chains':
      await removeChains(entry.target, pluginChains);
      return undefined;
    case 'node':
      return undefined;
  }
}

/** The state directory and what it lies in go last: the journal is in there. */
export function holdsJournal(path: string, stateDir: string): boolean {
  return path === stateDir || stateDir.startsWith(`${path}/`);
}

async function undoFile(entry: Extract<Entry, {kind: 'file'}>, journal: Journal): Promise<Left> {
  const state = await pathState(entry.target);
  if (await isAsBefore(state, entry.before, journal)) return undefined;
  const untouched = entry.after.length > 0 && entry.after.every((after) => after === kept);
  if (untouched && state.kind !== 'absent') return undefined;
  if (!isOurs(state, entry.after)) return 'it was changed since nodectl wrote it';
  return restore(entry.target, entry.before, journal);
}

async function isAsBefore(state: PathState, before: Before, journal: Journal): Promise<boolean> {
  if (before.kind === 'absent') return state.kind === 'absent';
  if (before.kind === 'link') return state.kind === 'link' && state.to === before.to;
  const digest = before.sha256 ?? sha256(await journal.preImage(before.saved));
  return state.kind === 'file' && state.mode === before.mode && state.sha256 === digest;
}

/** Ours too is what we took away. */
function isOurs(state: PathState, after: readonly string[]): boolean {
  if (state.kind === 'absent') return true;
  if (state.kind === 'link') return after.includes(linkDigest(state.to));
  return state.kind === 'file' && (after.includes('*') || after.includes(state.sha256));
}

async function restore(path: string, before: Before, journal: Journal): Promise<Left> {
  switch (before.kind) {
    case 'absent':
      await removeFile(path);
      return undefined;
    case 'link':
      await linkAtomic(path, before.to);
      return undefined;
    case 'file': {
      const content = await journal.preImage(before.saved).catch(() => undefined);
      if (content === undefined) return 'its copy in the journal is gone';
      if (before.sha256 !== undefined && sha256(content) !== before.sha256)
        return 'its copy in the journal is damaged';
      // A package that was purged took its directory along.
      await makeDirectory(dirname(path));
      await writeAtomic(path, content, before.mode);
      await restoreOwner(path, before.uid, before.gid);
      return undefined;
    }
  }
}

/** Never through a mount: what does not unmount keeps its tree. */
async function undoTree(entry: Extract<Entry, {kind: 'tree'}>): Promise<Left> {
  const stuck = await forceUnmountBelow(entry.target);
  if (stuck.length > 0) return `${stuck.join(', ')} cannot be unmounted`;
  await removeTree(entry.target, entry.before, entry.existed);
  if (entry.existed && entry.mode !== undefined) await restoreMode(entry.target, entry.mode);
  return undefined;
}

async function undoSysctl(entry: Extract<Entry, {kind: 'sysctl'}>): Promise<Left> {
  const current = await readSysctl(entry.target);
  if (current !== undefined && current !== entry.before) await writeSysctl(entry.target, entry.before);
  return undefined;
}

async function undoPackages(names: readonly string[], packages: PackageManager | undefined): Promise<Left> {
  if (packages === undefined) return 'there is no package manager any more';
  await packages.remove(names);
  return undefined;
}

async function undoTable(table: string): Promise<Left> {
  if (!(await listTables()).includes(table)) return undefined;
  const isTheirs = proxyTables.includes(table) || (await holdsOnly(table, pluginChains));
  if (!isTheirs) return 'others have rules in it';
  await deleteTable(table);
  return undefined;
}
