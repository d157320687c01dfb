import {Flags} from '@oclif/core';
import {BaseCommand, outputFlag} from '../../ui/base-command.ts';
import {here, nodeFlags} from '../../ui/node-command.ts';

export default class ImagesPrune extends BaseCommand {
  static override summary = 'Remove the images that no container uses';
  static override flags = {
    plan: Flags.boolean({description: 'only say which'}),
    root: nodeFlags.root,
    output: outputFlag,
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(ImagesPrune);
    const {nodeOptions} = await import('../../config/join.ts');
    const {withRuntime} = await import('../../bootstrap/status/runtime-view.ts');
    const {pruneImages} = await import('../../bootstrap/status/images.ts');
    const {megabytes} = await import('../../ui/table.ts');
    const {removed, bytes} = await withRuntime(nodeOptions(here(flags.root)), (cri) =>
      pruneImages(cri, flags.plan),
    );
    if (flags.output === 'json')
      return this.printJson({apiVersion: 'nodectl/v1', kind: 'ImagesPruned', ...{removed, bytes}});
    for (const {names, id} of removed) this.log(names[0] ?? id);
    const verb = flags.plan ? 'would be removed' : 'removed';
    this.log(`${removed.length} images ${verb}, ${megabytes(bytes)}`);
  }
}
