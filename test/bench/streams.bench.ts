import {type Fixture, startFixture} from '../integration/kubelet-server/fixture.ts';
import {openExec, openForward} from '../integration/kubelet-server/open.ts';
import {newerRuntime} from '../integration/support/newer-runtime.ts';
import {until} from '../integration/support/wait.ts';
import {milliseconds, type Table} from './table.ts';

const warmUp = 500;
const megabyte = 1024 * 1024;
/** An idle kubelet gives back what a burst took (edges/machine/heap.ts): it looks every 15 s. */
const idleMs = 35_000;

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

const atOnce = 100;
/** What has not come by then does not come: containerd 1.6 loses the input of some. */
const answerMs = 30_000;

/** So many streams that are all open before any is used; then each sends a line, and has it back. */
async function together(
  fixture: Fixture,
  runtime: string,
  kind: 'exec' | 'port-forward',
): Promise<readonly (string | number)[]> {
  const started = performance.now();
  const streams = Array.from({length: atOnce}, () =>
    kind === 'exec' ? openExec(fixture, 'head -n 1') : openForward(fixture),
  );
  await until('all streams to be open', () => streams.every(({opened}) => opened));
  const openMs = performance.now() - started;
  const asked = performance.now();
  const words = kind === 'exec' ? '\0typed\n' : '\0GET / HTTP/1.0\r\n\r\n';
  for (const {socket} of streams) socket.send(Buffer.from(words));
  const answer = kind === 'exec' ? 'typed\n' : 'HTTP/1.';
  const times: number[] = [];
  const waiting = new Set(streams);
  await until(
    'every stream to answer',
    () => {
      for (const stream of waiting)
        if (stream.text.includes(answer)) {
          waiting.delete(stream);
          times.push(performance.now() - asked);
        }
      return waiting.size === 0;
    },
    {timeoutMs: answerMs},
  ).catch(() => undefined);
  for (const {socket} of streams) socket.close();
  const slowest = times.at(-1) ?? Number.NaN;
  return [runtime, kind, streams.length, milliseconds(openMs), times.length, milliseconds(slowest)];
}

async function crowds(fixture: Fixture): Promise<(readonly (string | number)[])[]> {
  const {runtimeVersion} = await fixture.containerd.cri.runtime.version({});
  const runtime = `containerd ${runtimeVersion.replace(/[~+].*/, '')}`;
  return [await together(fixture, runtime, 'port-forward'), await together(fixture, runtime, 'exec')];
}

/** The same with a runtime that loses no input. */
async function newerCrowds(): Promise<(readonly (string | number)[])[]> {
  const fixture = await startFixture('', {programs: await newerRuntime()});
  try {
    return await crowds(fixture);
  } finally {
    await fixture.remove();
  }
}

/** Streams through the kubelet's server: what ten thousand of them leave behind. */
export default async function streams(): Promise<Table[]> {
  const fixture = await startFixture();
  const [rows, own] = await churnAndCrowd(fixture).finally(() => fixture.remove());
  return [
    {
      title: 'Streams open at once, each used once',
      columns: ['runtime', 'kind', 'count', 'ms until all are open', 'answered', 'ms until the last answer'],
      // Both have one address: the second begins when the first has gone.
      rows: [...own, ...(await newerCrowds())],
      notes: ['Input of an exec waits in the runtime: containerd 1.6 asked directly loses some, too.'],
    },
    {
      title: 'Streams opened and closed, ten at a time',
      columns: ['kind', 'count', 'ms each', 'descriptors left', 'RSS grown MB', 'idle MB'],
      rows,
      notes: [
        `Growth since ${warmUp} streams, at once and after ${idleMs / 1000} s of rest; the goal for 10,000 is no descriptor and at most 10 MB.`,
      ],
    },
  ];
}

type Rows = (readonly (string | number)[])[];

async function churnAndCrowd(fixture: Fixture): Promise<[Rows, Rows]> {
  await churn(fixture, warmUp, 'port-forward');
  const before = await look(fixture);
  const rows: Rows = [];
  for (const [kind, count] of [
    ['exec', 1_000],
    ['port-forward', 9_000],
  ] as const) {
    const ms = await churn(fixture, count, kind);
    await until('descriptors to go', async () => (await fixture.fds()) <= before.fds + 3);
    const now = await look(fixture);
    const grown = (now.rssBytes - before.rssBytes) / megabyte;
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    const left = ((await fixture.rssBytes()) - before.rssBytes) / megabyte;
    const fds = now.fds - before.fds;
    rows.push([kind, count, milliseconds(ms / count), fds, grown.toFixed(1), left.toFixed(1)]);
  }
  return [rows, await crowds(fixture)];
}
