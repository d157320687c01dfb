import {describe, expect, it} from 'vitest';
import {silent} from '../../../src/lib/log.ts';
import type {Flow} from '../../../src/proxy/conntrack/conntrack.ts';
import {UdpCleaner} from '../../../src/proxy/conntrack/udp-cleaner.ts';
import {createMetrics} from '../../../src/proxy/health/metrics.ts';
import {service, slice} from './support/objects.ts';

const udp = (clusterIP: string) =>
  service('a/dns', {clusterIP, ports: [{name: 'u', protocol: 'UDP', port: 53}]});
const served = (ip: string) => [
  slice({service: 'a/dns', ports: [{name: 'u', protocol: 'UDP', port: 53}], endpoints: [{ip}]}),
];
const flow = (destination: string, answersFrom: string): Flow => {
  return {destination, port: 53, answersFrom, answersPort: 53};
};

/** A table of flows whose listing waits for `go`. */
function start(tracked: Flow[]) {
  let held: (() => void)[] = [];
  const deleted: string[] = [];
  const cleaner = new UdpCleaner({
    family: 'IPv4',
    flows: {
      async list(_family, wanted) {
        await new Promise<void>((resolve) => held.push(resolve));
        return tracked.filter(wanted);
      },
      async delete(_family, {destination, answersFrom}) {
        deleted.push(`${destination} ${answersFrom}`);
        return 1;
      },
    },
    metrics: createMetrics(),
    monotonic: () => 0,
    log: silent,
  });
  return {
    cleaner,
    deleted,
    async go() {
      for (const one of held.splice(0)) one();
      held = [];
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe('flows of UDP', () => {
  it('are ended once the rules that end them are committed, however long the look before takes', async () => {
    const {cleaner, deleted, go} = start([flow('10.96.0.10', '10.0.0.1')]);
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.1'));
    cleaner.clean();
    // Noted while the first look still lasts, and not committed yet.
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.2'));
    await go();
    await go();
    expect(deleted).toEqual([]);
    cleaner.clean();
    await go();
    expect(deleted).toEqual(['10.96.0.10 10.0.0.1']);
  });

  it('are not judged by what is only noted, in a look that begins meanwhile', async () => {
    const {cleaner, deleted, go} = start([flow('10.96.0.10', '10.0.0.1')]);
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.9'));
    cleaner.clean();
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.1'));
    cleaner.clean();
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.2'));
    // The first look ends, and the second begins.
    await go();
    deleted.length = 0;
    await go();
    expect(deleted).toEqual([]);
  });

  it('of an address that was given up are ended, whatever came after it', async () => {
    const {cleaner, deleted, go} = start([flow('10.96.0.10', '10.0.0.1'), flow('10.96.0.20', '10.0.0.1')]);
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.1'));
    cleaner.clean();
    await go();
    cleaner.note('a/dns', undefined, []);
    cleaner.note('a/dns', udp('10.96.0.20'), served('10.0.0.1'));
    cleaner.clean();
    await go();
    expect(deleted).toEqual(['10.96.0.10 10.0.0.1']);
  });
});
