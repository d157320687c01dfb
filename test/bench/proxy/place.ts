import {spawnSync} from 'node:child_process';
import {randomInt} from 'node:crypto';
import {connectNetns, createNetns, type Netns} from '../../integration/support/netns.ts';

export type Place = {readonly netns: Netns; readonly address: string; remove(): Promise<void>};

const ending = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A namespace that this process reaches at an address of its own (198.18.0.0/15 is for measurements), so that what a
 * killed run has left cannot answer in its place; a run that is ended leaves nothing.
 */
export async function benchNetns(): Promise<Place> {
  const netns = await createNetns('ndb');
  const end = () => {
    spawnSync('ip', ['netns', 'del', netns.name]);
    process.exit(130);
  };
  for (const signal of ending) process.once(signal, end);
  const net = `198.${randomInt(18, 20)}.${randomInt(256)}`;
  const first = randomInt(64) * 4;
  const address = `${net}.${first + 2}`;
  await connectNetns(netns, {host: `${net}.${first + 1}`, inside: address});
  return {
    netns,
    address,
    async remove() {
      for (const signal of ending) process.off(signal, end);
      await netns.remove();
    },
  };
}
