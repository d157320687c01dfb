import {basename, dirname} from 'node:path';
import type {Writable} from 'node:stream';
import {StringDecoder} from 'node:string_decoder';
import {listDirectory} from '../files/files.ts';
import {LogFile} from './log-file.ts';

export type PodLogOptions = {
  /** Only lines of this time and later. */
  readonly sinceMs: number | undefined;
  readonly lines: number | undefined;
  readonly follow: boolean;
};

/** CRI's form of a line: `2026-11-21T01:02:03.000000000Z stdout F text`. */
const form = /^(\S+) (stdout|stderr) ([PF])\S* ?(.*)$/s;
const rotationGraceMs = 200;

/**
 * Writes the texts of a container's log file; with `follow` until the signal, through rotations and the container's
 * restarts (each has a file of its own, `1.log` after `0.log`), or until the pod's directory is gone.
 */
export async function copyPodLog(
  path: string,
  {sinceMs, lines, follow}: PodLogOptions,
  out: Writable,
  signal: AbortSignal,
): Promise<void> {
  const root = dirname(path);
  let name = basename(path);
  let file = await LogFile.open(root, name);
  let text = new LineText(sinceMs);
  let later: string | undefined;
  try {
    if (lines !== undefined) await file.seekTail(lines);
    while (!signal.aborted) {
      const chunk = await file.read();
      if (chunk !== undefined) {
        for (const line of text.add(chunk)) out.write(line);
        continue;
      }
      if (!follow) return;
      if (await file.reopenIfRotated(rotationGraceMs)) continue;
      if (later === undefined) {
        const names = await listDirectory(root);
        if (names.length === 0) return;
        later = laterLog(names, name);
        // The run before has ended when the next has a file: what it said until then is read first.
        if (later === undefined) await file.changed(1000, signal);
        continue;
      }
      await file.close();
      [name, later] = [later, undefined];
      file = await LogFile.open(root, name);
      text = new LineText(sinceMs);
    }
  } finally {
    await file.close();
  }
}

/** The log of the container's next run, by the number of its restarts. */
export function laterLog(names: readonly string[], name: string): string | undefined {
  const run = (file: string) => Number(/^(\d+)\.log$/.exec(file)?.[1] ?? -1);
  return names.filter((other) => run(other) > run(name)).toSorted((one, other) => run(one) - run(other))[0];
}

/** Whole lines of bytes that come in pieces, which may end within a character. */
class LineText {
  readonly #sinceMs: number | undefined;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(sinceMs: number | undefined) {
    this.#sinceMs = sinceMs;
  }

  add(chunk: Buffer): readonly string[] {
    const whole = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = whole.pop() ?? '';
    return whole.map((line) => textOf(line, this.#sinceMs));
  }
}

export function textOf(line: string, sinceMs: number | undefined): string {
  const [, time = '', , tag, text = ''] = form.exec(line) ?? [];
  if (tag === undefined || (sinceMs !== undefined && Date.parse(time) < sinceMs)) return '';
  return tag === 'P' ? text : `${text}\n`;
}
