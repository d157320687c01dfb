import {DaemonCommand, oclifFlags} from './daemon-command.ts';
import {daemon} from './daemons/proxy.ts';

export default class ServeProxy extends DaemonCommand {
  static override summary = 'Serve Services on this node (in the place of kube-proxy)';
  static override flags = oclifFlags(daemon.flags);

  async run(): Promise<void> {
    const {flags} = await this.parse(ServeProxy, [...daemon.normalise(this.argv)]);
    await daemon.run(flags);
  }
}
