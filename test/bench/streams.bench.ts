import {type Fixture, startFixture} from '../integration/kubelet-server/fixture.ts';
import {openExec, openForward} from '../integration/kubelet-server/open.ts';
import {until} from '../integration/support/wait.ts';
import {milliseconds, type Table} from './table.ts';

const warmUp = 500;
const megabyte = 1024 * 1024;

type Seen = {readonly fds: number; readonly rssBytes: number};

async function look(fixture: Fixture): Promise<Seen> {
  return {fds: await fixture.fds(), rssBytes: await fixture.rssBytes()};
}

/** Opens and closes so many, ten at a time. */
async function churn(fixture: Fixture, count: number, open: 'exec' | 'port-forward'): Promise<number> {
  const started = performance.now();
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      const stream = open === 'exec' ? openExec(fixture, 'true') : openForward(fixture);
      if (open === 'port-forward') {
        await new Promise((resolve) => stream.socket.once('open', resolve));
        stream.socket.close();
      }
      await stream.closed;
    }
  };
  await Promise.all(Array.from({length: 10}, one));
  return performance.now() - started;
}

/** Streams through the kubelet's server: what ten thousand of them leave behind. */
export default async function streams(): Promise<Table[]> {
  const fixture = await startFixture();
  try {
    await churn(fixture, warmUp, 'port-forward');
    const before = await look(fixture);
    const rows: (string | number)[][] = [];
    for (const [kind, count] of [
      ['exec', 1_000],
      ['port-forward', 9_000],
    ] as const) {
      const ms = await churn(fixture, count, kind);
      await until('descriptors to go', async () => (await fixture.fds()) <= before.fds + 3);
      const now = await look(fixture);
      const grown = (now.rssBytes - before.rssBytes) / megabyte;
      rows.push([kind, count, milliseconds(ms / count), now.fds - before.fds, grown.toFixed(1)]);
    }
    return [
      {
        title: 'Streams opened and closed, ten at a time',
        columns: ['kind', 'count', 'ms each', 'descriptors left', 'RSS grown MB'],
        rows,
        notes: [`Growth since ${warmUp} streams; the goal for 10,000 is no descriptor and at most 10 MB.`],
      },
    ];
  } finally {
    await fixture.remove();
  }
}
