import {kubeletPaths} from '../../config/kubelet-files.ts';
import {exists} from '../../edges/files/files.ts';
import {check, failure} from '../check.ts';

/** kubeadm refuses these too; files that nodectl itself wrote are a resumed join. */
export const kubeletFiles = check({
  name: 'FileAvailable--etc-kubernetes-kubelet.conf',
  category: 'leftovers',
  looks: 'looks for kubelet.conf and ca.crt',
  // Whose they are stands in the journal, which is root’s.
  after: ['IsPrivilegedUser'],
  async observe({options}) {
    const {kubeconfig, ca} = kubeletPaths(options);
    const found = await Promise.all([kubeconfig, ca].map(exists));
    return [kubeconfig, ca].filter((_, at) => found[at]);
  },
  judge: (files, {joined}) =>
    joined || files.length === 0
      ? []
      : [
          failure(
            'ND603',
            `${files.join(' and ')} ${files.length === 1 ? 'is' : 'are'} here, but not from nodectl`,
          ),
        ],
});
