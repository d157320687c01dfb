import {Flags} from '@oclif/core';
import {BaseCommand} from '../ui/base-command.ts';

/** The parent of a node's daemons where systemd is not PID 1; join starts it. */
export default class Supervise extends BaseCommand {
  static override hidden = true;
  static override description = 'Runs the daemons that are described in a directory.';
  static override flags = {
    dir: Flags.string({required: true, description: 'where units, records and the control socket are'}),
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(Supervise);
    const {jsonLogger} = await import('../edges/logs/log.ts');
    const {keepHeapSmall} = await import('../edges/machine/heap.ts');
    const {endingSignal} = await import('../edges/process/process-life.ts');
    const {supervise} = await import('../edges/supervisor/daemon.ts');
    keepHeapSmall();
    await supervise(flags.dir, jsonLogger('supervisor'), endingSignal());
  }
}
