import {check, warning} from '../../check.ts';

export const swap = check({
  name: 'Swap',
  category: 'host',
  observe: async ({machine}) => machine.swaps,
  judge: (swaps, {options}) =>
    swaps.length === 0 || options.foreseenKubelet.failSwapOn === false
      ? []
      : [
          options.ownLayout
            ? warning('ND131', `swap is on (${swaps.join(', ')}); the machine’s own affair`)
            : warning('ND131', `swap is on (${swaps.join(', ')}) and is turned off by the join`),
        ],
});
