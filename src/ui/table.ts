/**
 * Columns as kubectl prints them: upper-case heads, three blanks between; nothing but the head when it is empty. Where a
 * terminal has less than `columns` for it, IDs are left out, and of images' names the beginning, or all: what is typed
 * stays whole.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number | undefined = process.stdout.columns,
): string {
  const lines = [head, ...rows];
  if (columns === undefined || columns < narrowest || widthOf(lines, 3) <= columns) return print(lines, 3);
  const kept = without(lines, head.indexOf('ID'));
  const image = kept[0]?.indexOf('IMAGE') ?? -1;
  const over = widthOf(kept, 2) - columns;
  if (over <= 0 || image < 0) return print(kept, 2);
  const room = (columnWidths(kept)[image] ?? 0) - over;
  if (room < shortest) return print(without(kept, image), 2);
  return print(
    kept.map((line) => line.map((cell, at) => (at === image ? ending(cell, room) : cell))),
    2,
  );
}

/** Serial consoles say that they have 0 columns. */
const narrowest = 40;
const shortest = 12;

function without(lines: readonly (readonly string[])[], column: number): string[][] {
  return lines.map((line) => line.filter((_, at) => at !== column));
}

/** `…/kube-proxy:v1.36.2` */
function ending(text: string, length: number): string {
  return text.length <= length ? text : `…${text.slice(text.length - length + 1)}`;
}

function columnWidths(lines: readonly (readonly string[])[]): number[] {
  return (lines[0] ?? []).map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
}

function widthOf(lines: readonly (readonly string[])[], gap: number): number {
  const widths = columnWidths(lines);
  return widths.reduce((sum, width) => sum + width, gap * (widths.length - 1));
}

function print(lines: readonly (readonly string[])[], gap: number): string {
  const widths = columnWidths(lines);
  return lines
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join(' '.repeat(gap))
        .trimEnd(),
    )
    .join('\n');
}

/** `3.2 MB`, as registries count. */
export function megabytes(bytes: number): string {
  if (bytes > 0 && bytes < 1e5) return `${Math.ceil(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);
