import {Flags} from '@oclif/core';
import {ownProgram} from '../../edges/process/program.ts';
import {BaseCommand, outputFlag} from '../../ui/base-command.ts';
import {here, nodeFlags} from '../../ui/node-command.ts';

export default class Bundle extends BaseCommand {
  static override summary = 'Write one archive with all that tells how this node is, without secrets';
  static override description =
    'Versions, configuration, journal, check results, states and last logs of the daemons, rules, runtime and events. ' +
    'Tokens, keys, values of environment variables and secrets are taken out by their type.';
  static override flags = {
    file: Flags.string({description: 'where it goes; default: nodectl-bundle-TIME.tar here'}),
    root: nodeFlags.root,
    output: outputFlag,
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(Bundle);
    const {nodeOptions} = await import('../../config/join.ts');
    const {writeNodeBundle} = await import('../../bootstrap/status/node-bundle.ts');
    const time = new Date().toISOString().replace(/[:.]/g, '-').slice(0, 19);
    const path = flags.file ?? `nodectl-bundle-${time}.tar`;
    const {root} = flags;
    const signal = new AbortController().signal;
    const options = nodeOptions(here(root));
    const names = await writeNodeBundle(path, {options, root, program: ownProgram(), signal});
    if (flags.output === 'json')
      this.printJson({apiVersion: 'nodectl/v1', kind: 'Bundle', ...{path, files: names}});
    else this.log(`${path}: ${names.length} files, without secrets`);
  }
}
