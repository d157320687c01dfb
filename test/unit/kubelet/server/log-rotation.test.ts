import {appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {sendLogs} from '../../../../src/kubelet/server/logs/logs.ts';

let root: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nodectl-logs-'));
  file = join(root, '0.log');
});
afterEach(() => rmSync(root, {recursive: true}));

const line = (text: string) => `2026-01-01T00:00:00Z stdout F ${text}\n`;

/** Follows the log of a container; `on` is told all that has come, and ends it by returning true. */
async function follow(on: (text: string) => boolean, isRunning = () => true): Promise<string> {
  const gone = new AbortController();
  let text = '';
  await sendLogs({
    options: {follow: true, previous: false, timestamps: false, stream: 'All'},
    root,
    path: '0.log',
    isRunning: async () => isRunning(),
    write: async (bytes) => {
      text += bytes.toString();
      if (on(text)) gone.abort();
    },
    signal: gone.signal,
  });
  return text;
}

it('waits for the file of a running container that is between two files', async () => {
  let asked = 0;
  const running = () => {
    // The runtime makes the new file while the kubelet asks.
    if (++asked === 2) writeFileSync(file, line('first'));
    return true;
  };
  expect(await follow((text) => text.includes('first'), running)).toBe('first\n');
});

it('waits for no file of a container that has ended', async () => {
  await expect(
    follow(
      () => false,
      () => false,
    ),
  ).rejects.toMatchObject({code: 'ENOENT'});
});

it('reads what the runtime still writes to the old file after it has made the new one', async () => {
  writeFileSync(file, line('one'));
  const text = await follow((got) => {
    if (got === 'one\n') {
      renameSync(file, `${file}.old`);
      writeFileSync(file, line('four'));
      appendFileSync(`${file}.old`, line('two'));
    }
    // The last line is late: it comes when the one before it has been read.
    if (got === 'one\ntwo\n') appendFileSync(`${file}.old`, line('three'));
    return got.includes('four');
  });
  expect(text).toBe('one\ntwo\nthree\nfour\n');
});
