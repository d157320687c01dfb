import {expect, it} from 'vitest';
import {readDiscoveryFile} from '../../../../src/edges/trust/discovery-file.ts';

/** kubeadm's ValidateDiscoveryKubeConfigPath, by meaning: what it refuses is refused here with a code. */
it.each([
  ['foo', 'ND303'],
  ['/foo/bar/file_which_i_believe_not_existing.conf', 'ND303'],
  ['http://[::1]a', 'ND411'],
  ['http://url/file.conf', 'ND411'],
  ['https://u r l/file.conf', 'ND411'],
  ['https://localhost:1/file.conf', 'ND411'],
])('a discovery file at %s', async (place, code) => {
  await expect(readDiscoveryFile(place)).rejects.toMatchObject({code});
});
