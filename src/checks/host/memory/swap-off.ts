import {failure} from '../../check.ts';
import {nodeCheck} from '../../node/context.ts';

/** The kubelet only refuses swap when it starts: swap that came later stops its next start. */
export const swapOff = nodeCheck({
  name: 'SwapOff',
  category: 'host',
  codes: ['ND131'],
  looks: 'reads /proc/swaps and failSwapOn',
  after: ['Joined'],
  async observe({machine, sight}) {
    const config = await sight.kubeletConfig().catch(() => undefined);
    return {swaps: machine.swaps, refused: config?.failSwapOn === true};
  },
  judge: ({swaps, refused}) =>
    refused && swaps.length > 0
      ? [failure('ND131', `swap is on: ${swaps.join(', ')}`, 'sudo swapoff -a, and out of /etc/fstab')]
      : [],
});
