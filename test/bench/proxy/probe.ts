import {realClock} from '../../../src/edges/clock.ts';
import {openNft} from '../../../src/edges/nftables/nft.ts';
import type {Netns} from '../../integration/support/netns.ts';

export type Probe = {
  has(place: readonly [table: string, map: string], key: string): Promise<boolean>;
  stop(): Promise<void>;
};

/** Looks for single elements without listing anything: a deletion that is only checked fails where there is nothing. */
export function openProbe(netns: Netns): Probe {
  const nft = openNft({clock: realClock, command: ['nsenter', `--net=${netns.path}`, 'nft', '--check']});
  return {
    has: ([table, map], key) =>
      nft.commit([`delete element ip ${table} ${map} { ${key} }`]).then(
        () => true,
        () => false,
      ),
    stop: () => nft.stop(),
  };
}
