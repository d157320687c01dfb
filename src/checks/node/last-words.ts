import type {ServiceStatus} from '../../edges/systemd/services.ts';
import {type Code, catalogue} from '../../lib/codes/catalogue.ts';
import {type Finding, failure} from '../check.ts';

/** ` (exit 1)`, when its manager knows. */
export function howItEnded({lastExit}: ServiceStatus): string {
  return lastExit === undefined || lastExit === 'unknown' ? '' : ` (${lastExit})`;
}

/** The line of a dead daemon's log that tells why: its last complaint, else simply its last line. */
export function lastWords(log: readonly string[]): readonly string[] {
  const at = log.findLastIndex((line) => /^error ND999 /.test(line));
  const said = log.slice(at + 1);
  // Our own unexpected error: its words stand in the next line.
  if (at >= 0 && said[0] !== undefined && !said.some(isLogLine))
    return [`its last words: ${said[0].trim().slice(0, 300)}`];
  // What our own errors advise is no cause.
  const lines = log
    .map(sayingOf)
    .filter(({text}) => text !== '' && !/^(try|or|more): /.test(text) && !bookkeeping.test(text));
  const told = lines.findLast(({bad}) => bad) ?? lines.at(-1);
  return told === undefined ? [] : [`its last words: ${told.text.slice(0, 300)}`];
}

/** systemd writes of a unit's starts and ends into its log too; why it ended others say, and there it is read. */
const bookkeeping =
  /^(\S+\.service: (Consumed|Deactivated|Main process exited|Failed with result|Scheduled restart|Killing|Unit process|Found left-over)|(Starting|Started|Stopping|Stopped|Failed to start) )/;

/** A daemon of ours that cannot run says why by a code of the catalogue: that is the finding, not that it ended. */
export function saidCode(log: readonly string[], who: string): Finding | undefined {
  const at = log.findLastIndex((line) => /^error ND\d{3} /.test(line));
  const [, said] = /^error (ND\d{3}) /.exec(log[at] ?? '') ?? [];
  const code = codes.find((known) => known === said);
  // What it does not know itself is no cause: then its words are told.
  if (code === undefined || code === 'ND999') return undefined;
  const lines = log.slice(at + 1);
  // It went on after that: what it said then is no cause of how it ends now.
  if (lines.some(isLogLine)) return undefined;
  const end = lines.findIndex((line) => /^ {2}(try|more): /.test(line));
  const words = lines.slice(0, end < 0 ? 1 : end).map((line) => line.trim());
  const next = lines.flatMap((line) => /^ {2}try: (.+)$/.exec(line)?.[1] ?? []).slice(0, 1);
  return failure(
    code,
    [`${who} cannot run: ${words[0] ?? catalogue[code].title}`, ...words.slice(1)].join('\n'),
    ...next,
  );
}

const codes = Object.keys(catalogue).filter((code): code is Code => code in catalogue);

/** Of a daemon that goes on, in any of its formats. */
function isLogLine(line: string): boolean {
  return /^(\{|[IWE]\d{4} )/.test(line);
}

type Saying = {readonly text: string; readonly bad: boolean};

/** Lines of our daemons are JSON, containerd's are logfmt, a crash's are neither. */
function sayingOf(line: string): Saying {
  const text = line.trim();
  if (text.startsWith('{')) return ofJson(text);
  const [, letter, said] = /^([IWE])\d{4} [\d:.]+ +\d+ \S+\] (.*)$/.exec(text) ?? [];
  if (said !== undefined) return {text: said, bad: letter === 'E'};
  const fields = /level=(\w+)\s+(?:msg="((?:[^"\\]|\\.)*)"|msg=(\S+))(?:.*error="((?:[^"\\]|\\.)*)")?/.exec(
    text,
  );
  if (fields === null)
    return {text, bad: /error|fatal|failed|unable|watchdog|killed|panic|cannot|ND\d{3}/i.test(text)};
  const [, level = '', quoted, bare, error] = fields;
  const message = [quoted ?? bare ?? '', ...(error === undefined ? [] : [error])].join(': ');
  return {text: message.replaceAll('\\"', '"'), bad: ['error', 'fatal', 'panic'].includes(level)};
}

/** pino counts 40 for warnings, 50 for errors. */
function ofJson(text: string): Saying {
  try {
    const line: {level?: number; v?: number; msg?: string; error?: unknown; err?: unknown} = JSON.parse(text);
    const {level, v, msg, error = line.err} = line;
    const told = error === undefined ? '' : `: ${String(error)}`;
    // Kubernetes' JSON format has a verbosity on all but errors, and no level.
    return {text: `${msg ?? ''}${told}`, bad: level === undefined ? v === undefined : level >= 50};
  } catch {
    return {text, bad: false};
  }
}
