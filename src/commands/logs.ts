import {hostname} from 'node:os';
import {Args, Flags} from '@oclif/core';
import {ownProgram} from '../edges/program.ts';
import {BaseCommand} from '../ui/base-command.ts';

export default class Logs extends BaseCommand {
  static override summary = 'Show the log of a daemon of this node, whoever keeps it';
  static override args = {
    daemon: Args.string({
      required: true,
      options: ['kubelet', 'proxy', 'containerd', 'sandbox'],
      description: 'whose log',
    }),
  };
  static override flags = {
    follow: Flags.boolean({char: 'f', description: 'go on with what is added'}),
    lines: Flags.integer({char: 'n', default: 100, min: 0, description: 'how many of the newest lines'}),
    root: Flags.string({description: 'the directory that was given to join'}),
  };

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Logs);
    const {daemonNames, daemonService} = await import('../bootstrap/daemons.ts');
    const {nodeOptions} = await import('../config/join.ts');
    const options = nodeOptions({hostname: hostname(), root: flags.root});
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort());
    process.once('SIGTERM', () => stop.abort());
    for (const daemon of daemonNames.filter((name) => name === args.daemon)) {
      const {manager, name} = await daemonService(daemon, {options, program: ownProgram()});
      if (flags.follow) await manager.follow(name, flags.lines, process.stdout, stop.signal);
      else for (const line of await manager.log(name, flags.lines)) this.log(line);
    }
  }
}
