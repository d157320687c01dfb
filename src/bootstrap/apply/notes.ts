import {listDirectory} from '../../edges/files/files.ts';
import {pathState} from '../../edges/files/host-files.ts';
import {forwardingKeys, readSysctl} from '../../edges/machine/sysctl.ts';
import type {Journal} from '../undo/journal.ts';
import type {Act} from './acts.ts';
import {noteFile} from './apply-files.ts';

/** What is there already of a thing that others will make or set: all else of it is ours. */
export async function noteClaim(
  {what, name}: Extract<Act, {kind: 'claim'}>,
  journal: Journal,
): Promise<void> {
  switch (what) {
    case 'file':
      // Whatever its content will be: it is ours by being there.
      return noteFile(journal, name, '*');
    case 'tree': {
      const existed = (await pathState(name)).kind === 'directory';
      return journal.note({kind: 'tree', target: name, existed, before: await listDirectory(name)});
    }
    case 'sysctl': {
      const before = await readSysctl(name);
      return before === undefined ? undefined : journal.note({kind: 'sysctl', target: name, before});
    }
    default:
      return journal.note({kind: what, target: name});
  }
}

/**
 * A setting before it is changed. Forwarding for all takes others along, which are put back after it: each link's own,
 * and accept_redirects, which a kernel that no longer forwards turns on (Linux, inet_forward_change).
 */
export async function noteSetting(
  {key, before}: Extract<Act, {kind: 'sysctl'}>,
  journal: Journal,
): Promise<void> {
  for (const other of await forwardingKeys(key)) {
    const value = await readSysctl(other);
    const follows = other.endsWith('.forwarding') && value === before;
    if (value !== undefined && !follows) await journal.note({kind: 'sysctl', target: other, before: value});
  }
  await journal.note({kind: 'sysctl', target: key, before});
}
