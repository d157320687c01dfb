/** The text format of Prometheus, version 0.0.4. */
export type Line = {
  /** Rendered by `labelText`. */
  readonly labels: string;
  readonly value: number;
  readonly timeMs?: number;
};

export type Family = {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly lines: readonly Line[];
};

export const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Families without a line are left out: nobody can ask for what nobody has. */
export function render(families: readonly Family[]): string {
  const parts: string[] = [];
  for (const {name, help, type, lines} of families) {
    if (lines.length === 0) continue;
    parts.push(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    for (const {labels, value, timeMs} of lines)
      parts.push(
        `${name}${labels === '' ? '' : `{${labels}}`} ${numberText(value)}${timeMs === undefined ? '' : ` ${Math.round(timeMs)}`}\n`,
      );
  }
  return parts.join('');
}

/** `a="x",b="y"`; a backslash, a quote and a line feed are escaped. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}="${escaped(value)}"`)
    .join(',');
}

export function joinLabels(first: string, second: string): string {
  if (first === '' || second === '') return first + second;
  return `${first},${second}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`));
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
