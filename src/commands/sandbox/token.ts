import {Flags} from '@oclif/core';
import {hostLayout, layoutBelow} from '../../config/layout.ts';
import {BaseCommand, outputFlag} from '../../ui/base-command.ts';

export default class SandboxToken extends BaseCommand {
  static override summary =
    'Make a bootstrap token and print the command that joins another machine to the sandbox';
  static override flags = {
    root: Flags.string({description: 'the directory that was given to sandbox up', hidden: true}),
    output: outputFlag,
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(SandboxToken);
    const {joinCommand} = await import('../../bootstrap/sandbox/kubeconfigs.ts');
    const layout = flags.root === undefined ? hostLayout : layoutBelow(flags.root);
    const command = await joinCommand({layout});
    if (flags.output === 'json')
      this.printJson({apiVersion: 'nodectl/v1', kind: 'JoinCommand', ...{command}});
    else this.log(command);
  }
}
