import {writeAtomic} from '../../edges/files/files.ts';
import {sha256} from '../../edges/files/host-files.ts';
import {loadModule, writeSysctl} from '../../edges/machine/sysctl.ts';
import {run} from '../../edges/process/run.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Act} from '../apply/acts.ts';
import {noteFile} from '../apply/apply-files.ts';
import type {Entry} from '../apply/entries.ts';
import type {Daemons} from '../status/status.ts';
import type {Journal} from '../undo/journal.ts';

/** The acts that a fix may consist of. */
export type FixAct =
  | Extract<Act, {kind: 'sysctl' | 'module' | 'swap-off' | 'file'}>
  | {readonly kind: 'restart'; readonly name: string};

/** Performs one act, after every journal has it. */
export async function applyFix(act: FixAct, journals: readonly Journal[], daemons: Daemons): Promise<void> {
  const note = async (entry: Entry): Promise<void> => {
    for (const journal of journals) await journal.note(entry);
  };
  switch (act.kind) {
    case 'sysctl':
      await note({kind: 'sysctl', target: act.key, before: act.before});
      return writeSysctl(act.key, act.value);
    case 'module':
      await note({kind: 'module', target: act.name});
      return loadModule(act.name);
    case 'swap-off':
      await note({kind: 'swap', target: act.device});
      await run('swapoff', [act.device], {timeoutMs: 300_000});
      return;
    case 'file':
      for (const journal of journals) await noteFile(journal, act.path, sha256(act.content));
      return writeAtomic(act.path, act.content, act.mode);
    case 'restart':
      return restart(act.name, daemons);
  }
}

async function restart(name: string, daemons: Daemons): Promise<void> {
  const daemon = [daemons.kubelet, daemons.proxy, daemons.containerd].find(
    (one) => one.name === name || one.name === `nodectl-${name}`,
  );
  if (daemon === undefined) throw new NodectlError('ND731', `there is no ${name} on this machine`);
  await daemon.manager.restart(daemon.name);
}
