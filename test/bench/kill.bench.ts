import {resolve} from 'node:path';
import {run} from '../../src/edges/process/exec.ts';
import type {Table} from './table.ts';

const project = resolve(import.meta.dirname, '../..');
const proof = {
  NODECTL_TEST_KILLS: '200',
  NODECTL_TEST_RUNTIME_PODS: '50',
  NODECTL_TEST_RUNTIME_KILLS: '6',
  NODECTL_TEST_RUNTIME_GAP_MS: '20000',
};
const longestMs = 3_600_000;

/** The test of kills at its full length; each number can be given in the environment. About ten minutes. */
export default async function kill(): Promise<Table[]> {
  const wanted = Object.entries(proof).map(([name, value]) => [name, process.env[name] ?? value] as const);
  const started = performance.now();
  const {exitCode, stdout} = await run(
    process.execPath,
    [
      `${project}/node_modules/vitest/vitest.mjs`,
      'run',
      '--config',
      'test/vitest.config.ts',
      '--project',
      'integration',
      'test/integration/kubelet/kill.test.ts',
    ],
    {
      cwd: project,
      env: {PATH: process.env.PATH ?? '', ...Object.fromEntries(wanted)},
      okCodes: [0, 1],
      timeoutMs: longestMs,
    },
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  return [
    {
      title: 'Kubelet and runtime killed again and again: nothing lost, doubled or left',
      columns: ['what', 'value'],
      rows: [...wanted, ['seconds', seconds], ['outcome', exitCode === 0 ? 'passed' : 'FAILED']],
      notes: exitCode === 0 ? [] : stdout.split('\n').slice(-40),
    },
  ];
}
