import {hostname} from 'node:os';
import {Args, Flags} from '@oclif/core';
import {ownProgram} from '../edges/process/program.ts';
import {BaseCommand, outputFlag} from '../ui/base-command.ts';

export default class Restart extends BaseCommand {
  static override summary = 'Start a daemon of this node anew; its pods go on';
  static override args = {
    daemon: Args.string({
      required: true,
      options: ['kubelet', 'proxy', 'containerd', 'sandbox'],
      description: 'which one',
    }),
  };
  static override flags = {
    root: Flags.string({description: 'the directory that was given to join'}),
    output: outputFlag,
  };

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Restart);
    const {daemonNames, restartDaemon} = await import('../bootstrap/apply/daemons.ts');
    const {nodeOptions} = await import('../config/join.ts');
    const options = nodeOptions({hostname: hostname(), root: flags.root});
    for (const daemon of daemonNames.filter((name) => name === args.daemon)) {
      const {name, healthy} = await restartDaemon(daemon, {options, program: ownProgram()});
      if (flags.output === 'json')
        this.printJson({apiVersion: 'nodectl/v1', kind: 'RestartResult', ...{name, healthy}});
      else
        this.log(
          `${name} was started${healthy ? '' : ', and is not healthy yet'}; nodectl status says how it is.`,
        );
    }
  }
}
