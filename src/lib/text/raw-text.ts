/**
 * Text that may hold any bytes: those that are no UTF-8 are kept as lone surrogates (U+DC80 to U+DCFF, as Python's
 * `surrogateescape`), which no text from outside can hold. So such values can be searched, joined and written again.
 */
export function rawText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return escaped(bytes);
  }
}

export function rawBytes(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  // With the flag, only a surrogate that stands alone is found.
  const parts = text.split(/([\udc80-\udcff])/u).map((part) => {
    const code = part.charCodeAt(0);
    return part.length === 1 && isEscape(code) ? Uint8Array.of(code - escapeBase) : encoder.encode(part);
  });
  const bytes = new Uint8Array(parts.reduce((sum, {length}) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const strict = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});
const encoder = new TextEncoder();
const escapeBase = 0xdc00;

function isEscape(code: number): boolean {
  return code >= 0xdc80 && code <= 0xdcff;
}

function escaped(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] ?? 0;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const character = decoded(bytes.subarray(at, at + length));
    text += character ?? String.fromCharCode(escapeBase + lead);
    at += character === undefined ? 1 : length;
  }
  return text;
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
