import {NodectlError} from '../lib/errors.ts';

/** Other programs' words for what is a flag here. */
const flags: Readonly<Record<string, string>> = {version: '--version', doctor: 'status', uninstall: 'reset'};
/** So many letters wrong, left out, added or exchanged are a slip of the fingers. */
const slips = 2;

/** What to type instead of a command that does not exist; `typed` are the words, `known` the commands' names. */
export function unknownCommand(typed: readonly string[], known: readonly string[]): NodectlError {
  const [first = ''] = typed;
  const near = flags[first] ?? nearest(typed, known);
  const next = near === undefined ? [] : [`nodectl ${near}`];
  return new NodectlError('ND904', `there is no command ${first}`, {next: [...next, 'nodectl --help']});
}

function nearest(typed: readonly string[], known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => {
      const words = typed.slice(0, name.split(' ').length).join(' ');
      return {name, slipped: distance(words, name), limit: Math.min(slips, Math.floor(words.length / 2))};
    })
    .filter(({slipped, limit}) => slipped <= limit)
    .sort((a, b) => a.slipped - b.slipped || b.name.length - a.name.length);
  return ranked[0]?.name;
}

/** Optimal string alignment: an exchange of neighbours counts once. */
function distance(a: string, b: string): number {
  let [before, last]: number[][] = [[], Array.from({length: b.length + 1}, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + same,
        ...(swapped ? [at(before, j - 2) + 1] : []),
      );
    }
    [before, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[] | undefined, index: number): number {
  return row?.[index] ?? Number.POSITIVE_INFINITY;
}
