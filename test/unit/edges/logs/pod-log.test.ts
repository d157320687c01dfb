import {appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Writable} from 'node:stream';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {copyPodLog, laterLog} from '../../../../src/edges/logs/pod-log.ts';

let root: string;
let told: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nodectl-pod-log-'));
  told = '';
});
afterEach(() => rmSync(root, {recursive: true, force: true}));

const out = new Writable({
  write(chunk: Buffer, _, done) {
    told += chunk.toString('utf8');
    done();
  },
});
const log = (name: string) => join(root, name);
const line = (text: string, time = '2026-11-21T00:00:00.000000000Z') => `${time} stdout F ${text}\n`;
const read = (follow: boolean, sinceMs?: number, signal = new AbortController().signal) =>
  copyPodLog(log('0.log'), {sinceMs, lines: undefined, follow}, out, signal);

it('follows a container through rotation and restarts, to the end of its pod', async () => {
  writeFileSync(log('0.log'), line('one'));
  const following = read(true);
  await expect.poll(() => told).toBe('one\n');
  renameSync(log('0.log'), log('0.log.20261121-000000'));
  writeFileSync(log('0.log'), line('two'));
  await expect.poll(() => told, {timeout: 5000}).toBe('one\ntwo\n');
  appendFileSync(log('0.log'), line('last words'));
  writeFileSync(log('1.log'), line('again'));
  await expect.poll(() => told, {timeout: 5000}).toBe('one\ntwo\nlast words\nagain\n');
  rmSync(root, {recursive: true});
  await following;
});

it('ends by its signal', async () => {
  writeFileSync(log('0.log'), line('one'));
  const stop = new AbortController();
  const following = read(true, undefined, stop.signal);
  await expect.poll(() => told).toBe('one\n');
  stop.abort();
  await following;
});

it('breaks no character that lies across two reads', async () => {
  const text = `${'x'.repeat(64 * 1024 - line('').length)}äöü€`;
  writeFileSync(log('0.log'), line(text) + line('€'.repeat(50_000)));
  await read(false);
  expect(told).toBe(`${text}\n${'€'.repeat(50_000)}\n`);
});

it('tells only what is younger', async () => {
  writeFileSync(log('0.log'), line('old') + line('young', '2026-11-21T02:00:00.5Z'));
  await read(false, Date.parse('2026-11-21T01:00:00Z'));
  expect(told).toBe('young\n');
});

it.each([
  [['0.log', '1.log'], '0.log', '1.log'],
  [['9.log', '10.log', '11.log'], '9.log', '10.log'],
  [['0.log', '0.log.20261121-000000', '0.log.20261121-000000.gz'], '0.log', undefined],
])('of %j after %s comes %s', (names, name, expected) => {
  expect(laterLog(names, name)).toBe(expected);
});
