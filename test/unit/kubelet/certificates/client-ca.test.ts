import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it, vi} from 'vitest';
import {createCa} from '../../../../src/edges/trust/x509.ts';
import {followClientCa, readClientCa} from '../../../../src/kubelet/certificates/client-ca.ts';
import {silent} from '../../../../src/lib/log.ts';
import type {Clock} from '../../../../src/lib/time.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodectl-client-ca-'));
});
afterAll(() => rm(dir, {recursive: true}));

/** Each look is made when it is asked for. */
function handClock() {
  const waiting: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_ms, fn) => {
      waiting.push(fn);
      return () => waiting.splice(waiting.indexOf(fn), waiting.includes(fn) ? 1 : 0);
    },
  };
  const look = async () => {
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    waiting.shift()?.();
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
  };
  return {clock, look};
}

it('verifies by a new CA without a restart, and by the one before while the file is no certificate', async () => {
  const file = join(dir, 'ca.crt');
  const [old, next] = [(await createCa('old', 1)).cert, (await createCa('new', 1)).cert];
  await writeFile(file, old);
  const {clock, look} = handClock();
  const stop = new AbortController();
  const seen: string[] = [];
  const first = await readClientCa(file);
  const following = followClientCa(
    {file, clock, log: silent, onChange: (text) => seen.push(text)},
    first,
    stop.signal,
  );
  await look();
  for (const text of ['', 'nonsense', next.slice(0, 100)]) {
    await writeFile(file, text);
    await look();
  }
  expect(seen).toEqual([]);
  await writeFile(file, `${old}${next}`);
  await look();
  await look();
  expect(seen).toEqual([`${old}${next}`]);
  stop.abort();
  await following;
});

it('cannot begin without the file that was named', async () => {
  await expect(readClientCa(join(dir, 'missing.crt'))).rejects.toThrow('does not exist');
  expect(await readClientCa('')).toBe('');
});
