import {readSysctl} from '../../../edges/machine/sysctl.ts';
import {linkKind} from '../../../edges/network/links.ts';
import {failure} from '../../check.ts';
import {nodeCheck} from '../../node/context.ts';

const key = 'net.bridge.bridge-nf-call-iptables';

/** Only where pods share a bridge: other networks route between pods of one node. */
export const bridgeCalls = nodeCheck({
  name: 'BridgeNetfilter',
  category: 'host',
  codes: ['ND127'],
  looks: `reads ${key} where pods share a bridge`,
  after: ['Joined'],
  async observe() {
    const [bridge, value] = await Promise.all([linkKind('cni0'), readSysctl(key)]);
    return {bridged: bridge === 'bridge', value};
  },
  judge: ({bridged, value}) => {
    if (!bridged || value === '1') return [];
    const what =
      value === undefined ? 'br_netfilter is not loaded' : 'bridged packets do not pass the service rules';
    const next = value === undefined ? 'sudo modprobe br_netfilter' : `sudo sysctl -w ${key}=1`;
    return [failure('ND127', what, next)];
  },
});
