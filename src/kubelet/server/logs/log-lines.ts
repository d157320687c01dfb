import type {LogOptions} from './log-options.ts';

/** A line in CRI's form: `2026-11-21T01:02:03.000000000Z stdout F text`. */
export type LogLine = {
  readonly time: string;
  readonly stream: string;
  /** More of the same line follows. */
  readonly partial: boolean;
  readonly text: Buffer;
};

const space = 0x20;
const newline = 0x0a;

/** Undefined for what is not in CRI's form: such a line is left out, as the kubelet does. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  const third = line.indexOf(space, second + 1);
  if (first <= 0 || second < 0) return undefined;
  // An empty text may come without the space before it.
  const tagEnd = third < 0 ? line.length : third;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  // Tags are separated by colons; the first says whether the line is complete.
  const [tag] = line.toString('latin1', second + 1, tagEnd).split(':');
  return {
    time: line.toString('latin1', 0, first),
    stream,
    partial: tag === 'P',
    text: third < 0 ? Buffer.alloc(0) : line.subarray(third + 1),
  };
}

/** Turns lines of a log file into what the client gets, in the order of the file. */
export class LogFilter {
  readonly #options: LogOptions;
  #left: number;
  #within = false;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** limitBytes have been given. */
  get full(): boolean {
    return this.#left <= 0;
  }

  /** The bytes for one line of the file, without its newline; empty when the client is not to see it. */
  take(raw: Buffer): Buffer {
    const line = parseLogLine(raw);
    if (line === undefined || this.full || !this.#wanted(line)) return Buffer.alloc(0);
    // A line that came in pieces has one timestamp, before the first.
    const stamp =
      this.#options.timestamps && !this.#within ? Buffer.from(`${padded(line.time)} `) : Buffer.alloc(0);
    this.#within = line.partial;
    const end = line.partial ? Buffer.alloc(0) : Buffer.of(newline);
    const whole = Buffer.concat([stamp, line.text, end]);
    const given = whole.length > this.#left ? whole.subarray(0, this.#left) : whole;
    this.#left -= given.length;
    return given;
  }

  #wanted({stream, time}: LogLine): boolean {
    const {stream: wanted, sinceMs} = this.#options;
    if (wanted !== 'All' && wanted.toLowerCase() !== stream) return false;
    return sinceMs === undefined || !(Date.parse(time) < sinceMs);
  }
}

/** Nanoseconds always have nine digits, so that columns line up (RFC3339NanoFixed). */
function padded(time: string): string {
  return time.replace(
    /(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/,
    (_, digits = '', zone) => `.${digits.padEnd(9, '0')}${zone}`,
  );
}

/** Cuts a byte stream into lines; a line beyond all reason is dropped as far as it goes. */
export class LineCutter {
  static readonly maxLine = 4 * 1024 * 1024;
  #parts: Buffer[] = [];
  #length = 0;
  #dropping = false;

  *cut(chunk: Buffer): Generator<Buffer> {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      this.#keep(chunk.subarray(from, at));
      from = at + 1;
      if (!this.#dropping)
        yield this.#parts.length === 1 ? (this.#parts[0] ?? chunk) : Buffer.concat(this.#parts);
      this.reset();
    }
    // The buffer that was read into is used again: what stays must be a copy.
    this.#keep(Buffer.from(chunk.subarray(from)));
  }

  reset(): void {
    this.#parts = [];
    this.#length = 0;
    this.#dropping = false;
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > LineCutter.maxLine) {
      this.#dropping = true;
      this.#parts = [];
    } else if (part.length > 0) this.#parts.push(part);
  }
}
