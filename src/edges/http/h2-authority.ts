import {Transform, type TransformCallback} from 'node:stream';

/**
 * Go clients that dial a unix socket by its path send that path as `:authority` (grpc-go's `Dial` with a dialer of its
 * own, as most device plugins do). nghttp2 resets such a stream: a slash is no part of an authority (RFC 9113, 8.3.1).
 * Here the value is replaced in the bytes of the header block. The entry that the decoder then remembers is only
 * shorter, so nothing that the client refers to later is missing.
 */
export class AuthorityTransform extends Transform {
  #rest: Buffer = Buffer.alloc(0);
  #preface = prefaceBytes;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#skipPreface();
    if (this.#preface === 0) this.#frames();
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#rest.length > 0) this.push(this.#rest);
    done();
  }

  #skipPreface(): void {
    const length = Math.min(this.#preface, this.#rest.length);
    if (length === 0) return;
    this.push(this.#rest.subarray(0, length));
    this.#rest = this.#rest.subarray(length);
    this.#preface -= length;
  }

  #frames(): void {
    for (;;) {
      if (this.#rest.length < headBytes) return;
      const end = headBytes + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return;
      this.push(withAuthority(this.#rest.subarray(0, end)));
      this.#rest = this.#rest.subarray(end);
    }
  }
}

/** `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`. */
const prefaceBytes = 24;
const headBytes = 9;
const headersType = 1;
const flags = {endHeaders: 0x04, padded: 0x08, priority: 0x20};
/** The only authority that needs no thought; a raw string of HPACK. */
const localhost = Buffer.concat([Buffer.from([9]), Buffer.from('localhost')]);

/** A HEADERS frame with its `:authority` replaced; all others, and what is split or damaged, as they are. */
function withAuthority(frame: Buffer): Buffer {
  const flag = frame.readUInt8(4);
  if (frame.readUInt8(3) !== headersType || (flag & flags.endHeaders) === 0) return frame;
  const padded = (flag & flags.padded) !== 0;
  const start = headBytes + (padded ? 1 : 0) + ((flag & flags.priority) === 0 ? 0 : 5);
  const end = frame.length - (padded && frame.length > headBytes ? frame.readUInt8(headBytes) : 0);
  if (start > end) return frame;
  const value = authorityOf(frame.subarray(start, end));
  if (value === undefined) return frame;
  const changed = Buffer.concat([
    frame.subarray(0, start + value.from),
    localhost,
    frame.subarray(start + value.to),
  ]);
  changed.writeUIntBE(changed.length - headBytes, 0, 3);
  return changed;
}

/** The static table's number of `:authority` (RFC 7541, appendix A). */
const authorityIndex = 1;

/** Where the literal value of `:authority` is in a block; undefined where there is none. */
function authorityOf(block: Buffer): {readonly from: number; readonly to: number} | undefined {
  const reader = new BlockReader(block);
  while (reader.more()) {
    const first = reader.peek();
    if ((first & 0x80) !== 0) {
      reader.integer(7);
      continue;
    }
    if ((first & 0xe0) === 0x20) {
      reader.integer(5);
      continue;
    }
    const name = reader.integer((first & 0x40) === 0 ? 4 : 6);
    if (name === 0) reader.text();
    const from = reader.at;
    reader.text();
    if (name === authorityIndex && reader.at <= block.length) return {from, to: reader.at};
  }
  return undefined;
}

/** Reads the two forms that a block is made of (RFC 7541, section 5); past its end there are zeroes. */
class BlockReader {
  readonly #block: Buffer;
  at = 0;

  constructor(block: Buffer) {
    this.#block = block;
  }

  more(): boolean {
    return this.at < this.#block.length;
  }

  peek(): number {
    return this.#block[this.at] ?? 0;
  }

  integer(bits: number): number {
    const mask = 2 ** bits - 1;
    let value = this.peek() & mask;
    this.at++;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.peek();
      this.at++;
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return value;
    }
  }

  text(): void {
    const length = this.integer(7);
    this.at += length;
  }
}
