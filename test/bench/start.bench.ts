import {spawnSync} from 'node:child_process';
import {resolve} from 'node:path';
import {milliseconds, quantile, ratio, type Table} from './table.ts';

const binary = resolve(import.meta.dirname, '../../dist/nodectl');
const rounds = 15;

function once(file: string, args: readonly string[]): number {
  const started = performance.now();
  const {status} = spawnSync(file, args, {stdio: 'ignore'});
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: exit ${status}`);
  return performance.now() - started;
}

/** How long the command line takes to answer, beside a bare Node that does nothing. */
export default async function start(): Promise<Table[]> {
  const commands: Readonly<Record<string, readonly [string, ...string[]]>> = {
    'node -e 0': [process.execPath, '-e', '0'],
    'nodectl --help': [binary, '--help'],
    'nodectl explain ND501': [binary, 'explain', 'ND501'],
  };
  const samples = new Map(Object.keys(commands).map((name) => [name, [] as number[]]));
  // In turn, so that a drift of the machine's speed touches all alike.
  for (let round = 0; round <= rounds; round++)
    for (const [name, [file, ...args]] of Object.entries(commands)) {
      const ms = once(file, args);
      if (round > 0) samples.get(name)?.push(ms);
    }
  const floor = quantile(samples.get('node -e 0') ?? [], 0.5);
  const rows = [...samples].map(([name, list]) => [
    name,
    milliseconds(quantile(list, 0.5)),
    milliseconds(quantile(list, 0.99)),
    ratio(quantile(list, 0.5), floor),
  ]);
  return [
    {
      title: `Start of the command line (${rounds} runs)`,
      columns: ['command', 'p50 ms', 'p99 ms', 'beside node'],
      rows,
    },
  ];
}
