import {readMounts} from '../../edges/mounts/mounts.ts';
import {check, failure} from '../check.ts';

/** A volume of a pod that is gone would be found again in the new kubelet's directory, and never be unmounted. */
export const oldMounts = check({
  name: 'LeftoverMounts',
  category: 'leftovers',
  codes: ['ND608'],
  looks: 'lists what is mounted below the kubelet’s directory',
  observe: async ({joined, options}) =>
    joined
      ? []
      : (await readMounts(`${options.layout.kubeletDir}/pods`))
          .map(({mountPoint}) => mountPoint)
          .filter((path) => path.startsWith(`${options.layout.kubeletDir}/pods/`)),
  judge: (paths) => {
    const [first] = paths;
    if (first === undefined) return [];
    const more = paths.length > 1 ? `, and ${paths.length - 1} more` : '';
    return [
      failure('ND608', `volumes of an earlier node are mounted: ${first}${more}`, `sudo umount ${first}`),
    ];
  },
});
