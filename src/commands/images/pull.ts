import {Args} from '@oclif/core';
import {BaseCommand, outputFlag} from '../../ui/base-command.ts';
import {here, nodeFlags} from '../../ui/node-command.ts';

export default class ImagesPull extends BaseCommand {
  static override summary = 'Pull images, so that pods need not wait for them';
  static override strict = false;
  static override args = {image: Args.string({required: true, description: 'NAME[:TAG], also several'})};
  static override flags = {root: nodeFlags.root, output: outputFlag};

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(ImagesPull);
    const {nodeOptions} = await import('../../config/join.ts');
    const {withRuntime} = await import('../../bootstrap/status/runtime-view.ts');
    const {pullImage} = await import('../../bootstrap/status/images.ts');
    const {withProgress} = await import('../../ui/progress/with-progress.ts');
    const pulled = await withRuntime(nodeOptions(here(flags.root)), (cri) =>
      withProgress(async ({onEvent, signal}) => {
        const done = [];
        for (const image of argv.map(String)) {
          onEvent({kind: 'phase', phase: image, title: `Pull ${image}`});
          const one = await pullImage(cri, image, signal);
          onEvent({kind: 'done', phase: image, acts: 1, ms: one.ms});
          done.push(one);
        }
        return done;
      }),
    );
    if (flags.output === 'json')
      this.printJson({apiVersion: 'nodectl/v1', kind: 'ImagesPulled', ...{items: pulled}});
    else for (const {image, reference} of pulled) this.log(`${image}  ${reference}`);
  }
}
