const newline = 0x0a;

/**
 * Cuts a byte stream at newlines. Works on bytes, so a chunk may end in the middle of a character; what follows
 * the last newline when the stream ends is half a line and is dropped.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<string> {
  let parts: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      parts.push(chunk.subarray(from, at));
      from = at + 1;
      const line = text(parts);
      parts = [];
      held = 0;
      if (line !== '') yield line;
    }
    if (from === chunk.length) continue;
    parts.push(chunk.subarray(from));
    held += chunk.length - from;
    if (held > maxLineBytes) throw new Error(`a line of the stream is longer than ${maxLineBytes} bytes`);
  }
}

function text(parts: readonly Uint8Array[]): string {
  const [first] = parts;
  const whole = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
  return Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength).toString('utf8');
}
