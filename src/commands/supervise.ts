import {BaseCommand} from '../ui/base-command.ts';
import {oclifFlags} from './daemon-command.ts';
import {daemon} from './daemons/supervisor.ts';

/** The parent of a node's daemons where systemd is not PID 1; join starts it. */
export default class Supervise extends BaseCommand {
  static override hidden = true;
  static override description = 'Runs the daemons that are described in a directory.';
  static override flags = oclifFlags(daemon.flags);

  async run(): Promise<void> {
    const {flags} = await this.parse(Supervise);
    await daemon.run(flags);
  }
}
