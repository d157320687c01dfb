import {Flags} from '@oclif/core';
import {hostLayout, layoutBelow} from '../../config/layout.ts';
import {BaseCommand} from '../../ui/base-command.ts';

export default class SandboxToken extends BaseCommand {
  static override summary =
    'Make a bootstrap token and print the command that joins another machine to the sandbox';
  static override flags = {
    root: Flags.string({description: 'the directory that was given to sandbox up', hidden: true}),
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(SandboxToken);
    const {joinCommand} = await import('../../bootstrap/sandbox/kubeconfigs.ts');
    const layout = flags.root === undefined ? hostLayout : layoutBelow(flags.root);
    this.log(await joinCommand({layout}));
  }
}
