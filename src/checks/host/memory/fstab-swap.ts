import {withoutSwap} from '../../../config/machine/fstab.ts';
import {readText} from '../../../edges/files/files.ts';
import {warning} from '../../check.ts';
import {nodeCheck} from '../../node/context.ts';

/** Swap that is off now and on again after the next boot: the node is fine until then. */
export const fstabSwap = nodeCheck({
  name: 'FstabSwap',
  category: 'host',
  codes: ['ND132'],
  looks: 'reads /etc/fstab',
  after: ['Joined'],
  blames: ['SwapOff'],
  async observe({sight, options}) {
    const config = await sight.kubeletConfig().catch(() => undefined);
    const text = (await readText('/etc/fstab')) ?? '';
    return config?.failSwapOn === true && !options.ownLayout && withoutSwap(text) !== text;
  },
  judge: (returns) =>
    returns
      ? [warning('ND132', 'swap is off now, but /etc/fstab brings it back', 'sudoedit /etc/fstab')]
      : [],
});
