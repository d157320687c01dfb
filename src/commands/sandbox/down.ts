import {Flags} from '@oclif/core';
import {placeOf} from '../../config/layout.ts';
import {ownProgram} from '../../edges/process/program.ts';
import {BaseCommand, outputFlag} from '../../ui/base-command.ts';
import {withSteps} from '../../ui/progress/with-steps.ts';

export default class SandboxDown extends BaseCommand {
  static override summary =
    'Take the sandbox away: pods, node, control plane and everything that was installed for them';
  static override examples = ['sudo <%= config.bin %> sandbox down'];
  static override flags = {
    output: outputFlag,
    root: Flags.string({description: 'the directory that was given to sandbox up', hidden: true}),
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(SandboxDown);
    const {sandboxDown} = await import('../../bootstrap/sandbox/down.ts');
    const {resetSummary} = await import('../../ui/join-summary.ts');
    const {layout} = placeOf(flags.root);
    const result = await withSteps((steps) =>
      sandboxDown({layout, root: flags.root}, {...steps, program: ownProgram()}),
    );
    if (flags.output === 'json') this.printJson({apiVersion: 'nodectl/v1', kind: 'SandboxDown', ...result});
    else
      this.log(
        result.sandbox
          ? `${resetSummary({...result, nodeName: undefined}, {adopted: false})}\nThe sandbox is gone.`
          : 'There is no sandbox on this machine.',
      );
  }
}
