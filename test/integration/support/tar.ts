/** Just enough ustar to make image layers and docker archives by hand. */
export type TarEntry = {
  readonly path: string;
  readonly mode?: number;
  readonly data?: Uint8Array | string;
  /** A symlink's target. */
  readonly link?: string;
};

const block = 512;

export function tar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const data = Buffer.from(entry.data ?? '');
    return [header(entry, data.length), data, Buffer.alloc((block - (data.length % block)) % block)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

function header(entry: TarEntry, size: number): Buffer {
  const out = Buffer.alloc(block);
  const type = entry.link !== undefined ? '2' : entry.path.endsWith('/') ? '5' : '0';
  out.write(entry.path, 0, 100);
  out.write(octal(entry.mode ?? (type === '5' ? 0o755 : 0o644), 8), 100);
  out.write(octal(0, 8), 108);
  out.write(octal(0, 8), 116);
  out.write(octal(size, 12), 124);
  out.write(octal(0, 12), 136);
  out.write('        ', 148);
  out.write(type, 156);
  out.write(entry.link ?? '', 157, 100);
  out.write('ustar\0' + '00', 257, 'latin1');
  const sum = out.reduce((total, byte) => total + byte, 0);
  out.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return out;
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}
