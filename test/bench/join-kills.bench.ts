import {resolve} from 'node:path';
import {run} from '../../src/edges/process/exec.ts';
import type {Table} from './table.ts';

const project = resolve(import.meta.dirname, '../..');
const longestMs = 3_600_000;

/** The test of killed joins at its full length, NODECTL_KILLS of them (100). About ten minutes. */
export default async function joinKills(): Promise<Table[]> {
  const kills = process.env.NODECTL_KILLS ?? '100';
  const words = [
    'run',
    '--config',
    'test/vitest.config.ts',
    '--project',
    'integration',
    '--reporter',
    'verbose',
  ];
  const started = performance.now();
  const {exitCode, stdout} = await run(
    process.execPath,
    [`${project}/node_modules/vitest/vitest.mjs`, ...words, 'test/integration/bootstrap/kill.test.ts'],
    {cwd: project, env: {NODECTL_KILLS: kills, NO_COLOR: '1'}, okCodes: [0, 1], timeoutMs: longestMs},
  );
  const seconds = (performance.now() - started) / 1000;
  const lines = stdout.split('\n').filter((line) => /[✓×✗].*kill\.test/.test(line));
  return [
    {
      title:
        'Joins killed at each phase and at random moments, then joined again or reset: nothing twice, nothing left',
      columns: ['what', 'value'],
      rows: [
        ['kills at random moments', kills],
        ['outcome', exitCode === 0 ? 'all as good as new' : 'FAILED'],
        ['whole, s', seconds.toFixed(0)],
        ['a kill, s', (seconds / Number(kills)).toFixed(1)],
      ],
      notes: lines.map((line) => line.trim()),
    },
  ];
}
