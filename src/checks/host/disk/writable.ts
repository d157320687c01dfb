import {isReadOnly} from '../../../edges/files/files.ts';
import {failure, hostCheck} from '../../check.ts';

/** A kernel that met an error of the disk goes on with the file system read-only: everything still looks right. */
export const writable = hostCheck({
  name: 'Writable',
  category: 'host',
  codes: ['ND109'],
  looks: 'asks whether the node’s directories lie on writable file systems',
  async observe({options: {layout}}) {
    const dirs = [
      layout.kubeletDir,
      layout.containerdRoot,
      layout.stateDir,
      layout.podLogDir,
      layout.kubernetesDir,
    ];
    const found = await Promise.all(dirs.map(isReadOnly));
    return dirs.filter((_, at) => found[at]);
  },
  judge: (paths) => {
    const [first] = paths;
    if (first === undefined) return [];
    return [failure('ND109', `${paths.join(', ')} cannot be written: read-only`, `findmnt -T ${first}`)];
  },
});
