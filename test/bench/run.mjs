// `npm run bench [NAME …]`: measurements as tables, each beside its floor. Never a pass or a failure.
// A bench is test/bench/NAME.bench.ts with a default export `() => Promise<Table[]>`.
import {readdirSync} from 'node:fs';
import {cpus} from 'node:os';

const wanted = process.argv.slice(2);
const names = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length))
  .filter((name) => wanted.length === 0 || wanted.includes(name));

function print({title, columns, rows, notes = []}) {
  const lines = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  console.log(`\n${title}`);
  for (const [at, line] of lines.entries()) {
    console.log(
      `  ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join('  ')}`,
    );
    if (at === 0) console.log(`  ${widths.map((width) => '-'.repeat(width)).join('  ')}`);
  }
  for (const note of notes) console.log(`  ${note}`);
}

console.log(`${cpus().length} cores, ${cpus()[0]?.model}, node ${process.version}`);
for (const name of names) {
  const {default: bench} = await import(`./${name}.bench.ts`);
  for (const table of await bench()) print(table);
}
