import {dirname} from 'node:path';
import type {Writable} from 'node:stream';
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

/** Writes the texts of a container's log file; with `follow` until the signal. */
export async function copyPodLog(
  path: string,
  {sinceMs, lines, follow}: PodLogOptions,
  out: Writable,
  signal: AbortSignal,
): Promise<void> {
  const root = dirname(path);
  const file = await LogFile.open(root, path.slice(root.length + 1));
  try {
    if (lines !== undefined) await file.seekTail(lines);
    let rest = '';
    while (!signal.aborted) {
      const chunk = await file.read();
      if (chunk !== undefined) {
        const whole = (rest + chunk.toString('utf8')).split('\n');
        rest = whole.pop() ?? '';
        for (const line of whole) out.write(textOf(line, sinceMs));
      } else if (!follow) return;
      else if (!(await file.reopenIfRotated(rotationGraceMs))) await file.changed(1000, signal);
    }
  } finally {
    await file.close();
  }
}

export function textOf(line: string, sinceMs: number | undefined): string {
  const [, time = '', , tag, text = ''] = form.exec(line) ?? [];
  if (tag === undefined || (sinceMs !== undefined && Date.parse(time) < sinceMs)) return '';
  return tag === 'P' ? text : `${text}\n`;
}
