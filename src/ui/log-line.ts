import {styleText} from 'node:util';
import {printable} from '../lib/text/printable.ts';

type Entry = Readonly<Record<string, unknown>>;

/** pino's numbers. */
const levels: ReadonlyMap<unknown, string> = new Map([
  [10, 'TRACE'],
  [20, 'DEBUG'],
  [30, 'INFO'],
  [40, 'WARN'],
  [50, 'ERROR'],
  [60, 'FATAL'],
]);

/** Whose it is comes first, what went wrong last; between them a line's fields stay as they were written. */
const first = ['namespace', 'pod', 'container', 'uid', 'image', 'volume', 'service', 'node'];
const last = ['error', 'retryInMs'];

/**
 * A line of a daemon's log for people: time, level, message, fields. What is not JSON is a crash, or another program's
 * line: it stays as it is, but for what a terminal would obey.
 */
export function logLine(line: string, daemon: string): string {
  const entry = parse(line);
  if (entry === undefined) return printable(line);
  const {level, time, msg, name, ...fields} = entry;
  const own = name === daemon ? fields : {name, ...fields};
  const told = Object.entries(own)
    .filter(([, value]) => value !== undefined)
    .toSorted(([one], [other]) => rank(one) - rank(other))
    .map(([key, value]) => `${styleText('dim', `${inLine(key)}=`)}${valueText(value)}`);
  const head = [styleText('dim', inLine(String(time))), levelText(level), inLine(String(msg))];
  return [head.join(' '), ...told].join('  ');
}

/** Undefined for what our logger has not written. */
function parse(line: string): Entry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = asOwn(JSON.parse(line));
    return levels.has(entry.level) && typeof entry.time === 'string' && 'msg' in entry ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** Of Kubernetes' JSON format (`logging.format: json`): milliseconds, and a verbosity on all but errors. */
function asOwn(entry: Entry): Entry {
  const {ts, v, err, ...others} = entry;
  if (typeof ts !== 'number' || 'level' in entry) return entry;
  const error = err === undefined ? {} : {error: err};
  const level = v === undefined ? 50 : Number(v) >= 4 ? 20 : 30;
  return {time: new Date(ts).toISOString(), level, ...others, ...error};
}

function rank(key: string): number {
  const early = first.indexOf(key);
  return early >= 0 ? early : first.length + last.indexOf(key) + 1;
}

function levelText(level: unknown): string {
  const word = (levels.get(level) ?? '').padEnd(5);
  if (word === 'WARN ') return styleText('yellow', word);
  return word === 'ERROR' || word === 'FATAL' ? styleText(['red', 'bold'], word) : word;
}

/** Quoted where it could be taken for more than one word. */
function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  const bare = text !== '' && !/[\s"=]/.test(text);
  return bare || typeof value !== 'string' ? inLine(text) : `"${inLine(text).replaceAll('"', '\\"')}"`;
}

/** One entry is one line. */
function inLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n');
}
