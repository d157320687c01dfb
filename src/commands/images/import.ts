import {Args} from '@oclif/core';
import {BaseCommand, outputFlag} from '../../ui/base-command.ts';
import {here, nodeFlags} from '../../ui/node-command.ts';

export default class ImagesImport extends BaseCommand {
  static override summary = 'Give this node the images of a tar archive (docker save, OCI layout)';
  static override args = {file: Args.string({required: true, description: 'the archive'})};
  static override flags = {root: nodeFlags.root, output: outputFlag};

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ImagesImport);
    const {nodeOptions} = await import('../../config/join.ts');
    const {readKubeletEndpoint} = await import('../../bootstrap/status/kubelet-endpoint.ts');
    const {withRuntime} = await import('../../bootstrap/status/runtime-view.ts');
    const {importImages} = await import('../../bootstrap/status/images.ts');
    const {withProgress} = await import('../../ui/progress/with-progress.ts');
    const {megabytes} = await import('../../ui/table.ts');
    const options = nodeOptions(here(flags.root));
    const socket = await readKubeletEndpoint(options);
    const names = await withRuntime(options, () =>
      withProgress(async ({onEvent}) => {
        const startMs = performance.now();
        onEvent({kind: 'phase', phase: 'import', title: `Import ${args.file}`});
        const found = await importImages(socket, args.file, (done, whole) =>
          onEvent({kind: 'wait', phase: 'import', text: `${megabytes(done)} of ${megabytes(whole)}`}),
        );
        onEvent({kind: 'done', phase: 'import', acts: found.length, ms: performance.now() - startMs});
        return found;
      }),
    );
    if (flags.output === 'json')
      this.printJson({apiVersion: 'nodectl/v1', kind: 'ImagesImported', ...{items: names}});
    else for (const name of names) this.log(name);
  }
}
