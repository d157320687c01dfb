import {catalogue} from './catalogue.ts';
import {type Entry, exits} from './entry.ts';

const rooms: readonly (readonly [RegExp, string])[] = [
  [/^ND1/, 'the machine'],
  [/^ND2/, 'the node’s name and address'],
  [/^ND3/, 'reaching the cluster'],
  [/^ND4/, 'trust'],
  [/^ND5/, 'containerd, runc, images'],
  [/^ND6/, 'what was here before'],
  [/^ND7/, 'kubelet, proxy, pods'],
  [/^ND8/, 'the sandbox'],
  [/^ND9/, 'nodectl itself'],
];

/** Every code as README's table: its meaning, the first thing to do, and the exit code of a command that ends with it. */
export function codesTable(): string {
  const all: [string, Entry][] = Object.entries(catalogue);
  const sorted = all.toSorted(([a], [b]) => (a < b ? -1 : 1));
  const rows = rooms.flatMap(([form, room]) => [
    `| **${room}** | | | |`,
    ...sorted
      .filter(([code]) => form.test(code))
      .map(
        ([code, {title, fix, exit}]) =>
          `| ${code} | ${cell(title)} | ${cell(fix[0] ?? '')} | ${exits[exit]} |`,
      ),
  ]);
  return ['| code | what is wrong | what to do first | exit |', '|---|---|---|---|', ...rows].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
