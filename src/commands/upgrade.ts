import {Args, Flags} from '@oclif/core';
import {placeOf} from '../config/layout.ts';
import {ownProgram} from '../edges/process/program.ts';
import {BaseCommand, outputFlag} from '../ui/base-command.ts';
import {fromEnvironment} from '../ui/environment.ts';
import {withSteps} from '../ui/progress/with-steps.ts';

export default class Upgrade extends BaseCommand {
  static override summary = 'Replace nodectl on this node, without touching a container';
  static override description =
    'Takes a binary whose SHA-256 it is told, restarts kubelet and proxy from it, and goes back by itself when the node is not Ready in time.';
  static override args = {
    binary: Args.string({required: true, description: 'path or URL of the new binary'}),
  };
  static override flags = fromEnvironment({
    sha256: Flags.string({description: 'of the new binary; default: what BINARY.sha256 beside it says'}),
    'health-timeout': Flags.integer({default: 120, description: 'seconds until the node must be well'}),
    root: Flags.string({description: 'the directory that was given to join'}),
    output: {...outputFlag},
  });

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Upgrade);
    const {upgradeNode} = await import('../bootstrap/upgrade.ts');
    const {upgradeFile} = await import('../edges/install/upgrade-file.ts');
    const options = {
      ...placeOf(flags.root),
      file: await upgradeFile(args.binary, flags.sha256),
      healthMs: flags['health-timeout'] * 1000,
    };
    const result = await withSteps((steps) => upgradeNode(options, {...steps, program: ownProgram()}));
    if (flags.output === 'json') this.printJson({apiVersion: 'nodectl/v1', kind: 'UpgradeResult', ...result});
    else
      this.log(
        result.changed ? `Upgraded to ${result.version}.` : `Nothing to change: ${result.version} runs.`,
      );
  }
}
