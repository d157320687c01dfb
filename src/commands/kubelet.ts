import {DaemonCommand, oclifFlags} from './daemon-command.ts';
import {daemon} from './daemons/kubelet.ts';

export default class Kubelet extends DaemonCommand {
  static override summary = 'Run the pods of this node (in the place of kubelet)';
  static override flags = oclifFlags(daemon.flags);

  async run(): Promise<void> {
    const {flags} = await this.parse(Kubelet, [...daemon.normalise(this.argv)]);
    await daemon.run(flags);
  }
}
