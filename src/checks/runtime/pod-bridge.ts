import {join} from 'node:path';
import {bridgeOf} from '../../config/runtime/cni.ts';
import {listDirectory, readText} from '../../edges/files/files.ts';
import {bridgeState} from '../../edges/network/links.ts';
import {failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** The first pod makes the bridge; once it is there, it must be up and be the pods' gateway. */
export const podBridge = nodeCheck({
  name: 'PodBridge',
  category: 'runtime',
  codes: ['ND509'],
  looks: 'looks whether the bridge of the CNI configuration is up and has its address',
  after: ['CNIConfig'],
  async observe({options: {layout}, sight}) {
    const names = await listDirectory(layout.cniConfDir);
    const first = names.find((name) => /\.(conf|conflist|json)$/.test(name));
    const text = first === undefined ? undefined : await readText(join(layout.cniConfDir, first));
    const bridge = bridgeOf(text ?? '');
    if (bridge === undefined) return undefined;
    const [state, runtime] = await Promise.all([bridgeState(bridge), sight.runtime()]);
    const pods = runtime.kind === 'answers' ? runtime.sandboxIds.length : 0;
    return {bridge, state, pods};
  },
  judge: (seen) => {
    if (seen === undefined || seen.pods === 0) return [];
    const {bridge, state} = seen;
    if (state === 'down')
      return [failure('ND509', `the pods’ bridge ${bridge} is down`, `sudo ip link set ${bridge} up`)];
    if (state === 'no address')
      return [
        failure(
          'ND509',
          `the pods’ bridge ${bridge} has no address: pods reach nothing but each other`,
          `sudo ip address add GATEWAY/24 dev ${bridge} (the first address of the pods’ range)`,
          'The next pod that starts gives it back.',
        ),
      ];
    return [];
  },
});
