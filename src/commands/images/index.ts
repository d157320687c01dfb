import {BaseCommand, outputFlag} from '../../ui/base-command.ts';
import {here, nodeFlags} from '../../ui/node-command.ts';

export default class Images extends BaseCommand {
  static override summary = 'List the images of this node';
  static override flags = {root: nodeFlags.root, output: outputFlag};

  async run(): Promise<void> {
    const {flags} = await this.parse(Images);
    const {nodeOptions} = await import('../../config/join.ts');
    const {withRuntime} = await import('../../bootstrap/status/runtime-view.ts');
    const {listImages} = await import('../../edges/cri/listing.ts');
    const {megabytes, shortId, table} = await import('../../ui/table.ts');
    const images = await withRuntime(nodeOptions(here(flags.root)), listImages);
    if (flags.output === 'json')
      return this.printJson({apiVersion: 'nodectl/v1', kind: 'ImageList', ...{items: images}});
    const rows = images.map(({names, id, bytes, users, pinned}) => [
      names[0] ?? '<none>',
      shortId(id),
      megabytes(bytes),
      pinned ? 'pinned' : users === 0 ? 'unused' : `${users} containers`,
    ]);
    this.log(table(['IMAGE', 'ID', 'SIZE', 'USED BY'], rows));
  }
}
