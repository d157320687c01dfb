import {chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {run} from '../../src/edges/process/exec.ts';

/** Stands in for Kubernetes' e2e.test: writes what it was asked for, and the report that it was given. */
const program = `#!/usr/bin/env node
const {writeFileSync, copyFileSync} = require('node:fs');
const flags = process.argv.slice(2);
writeFileSync(__dirname + '/flags', flags.join('\\n'));
const report = flags.find((flag) => flag.startsWith('--ginkgo.json-report=')).split('=')[1];
copyFileSync(__dirname + '/given.json', report);
process.exit(Number(process.env.EXIT ?? 0));
`;

const spec = (file: string, sig: string, text: string, State: string, message?: string) => ({
  ContainerHierarchyTexts: [`[${sig}] Things`],
  LeafNodeType: 'It',
  LeafNodeText: `${text} [Conformance]`,
  LeafNodeLocation: {FileName: `k8s.io/kubernetes/test/e2e/${file}`},
  State,
  ...(message === undefined ? {} : {Failure: {Message: message}}),
});
const suite = (State: string, message?: string) => ({
  LeafNodeType: 'SynchronizedBeforeSuite',
  LeafNodeText: '',
  LeafNodeLocation: {FileName: 'k8s.io/kubernetes/test/e2e/e2e.go'},
  State,
  ...(message === undefined ? {} : {Failure: {Message: message}}),
});

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'nodectl-conformance-'));
  writeFileSync(join(dir, 'e2e.test'), program);
  chmodSync(join(dir, 'e2e.test'), 0o755);
});
afterAll(() => rmSync(dir, {recursive: true, force: true}));

function conformance(specs: object[], args: string[] = [], exit = '0') {
  writeFileSync(join(dir, 'given.json'), JSON.stringify([{SpecReports: specs}]));
  const script = resolve(import.meta.dirname, '../conformance/run.ts');
  const all = [script, join(dir, 'e2e.test'), '/etc/admin.conf', `--out=${join(dir, 'out')}`, ...args];
  return run(process.execPath, all, {okCodes: [0, 1, 2], env: {EXIT: exit}});
}

const words = (text: string) => text.split('\n').map((line) => line.trim().replace(/\s+/g, ' '));

describe('npm run conformance', () => {
  it('prints passed, failed and skipped by group, and why something failed', async () => {
    const {exitCode, stdout} = await conformance(
      [
        suite('passed'),
        spec('common/node/pods.go', 'sig-node', 'runs', 'passed'),
        spec('common/node/pods.go', 'sig-node', 'ends', 'failed', 'expected 1\nto equal 2'),
        spec('network/dns.go', 'sig-network', 'resolves', 'timedout', 'took too long'),
        spec('network/dns.go', 'sig-network', 'is left out', 'skipped'),
        spec('network/dns.go', 'sig-network', 'needs two nodes', 'skipped', 'Requires at least 2 nodes'),
      ],
      [],
      '1',
    );
    expect(exitCode).toBe(1);
    expect(words(stdout)).toEqual(
      expect.arrayContaining([
        'passed failed skipped',
        'sig-node 1 1 0',
        'common/node/pods.go 1 1 0',
        'sig-network 0 1 1',
        'total 1 2 1',
        '✗ [sig-node] Things ends [Conformance]',
        'to equal 2',
      ]),
    );
  });

  it('asks for the conformance cases, unless told otherwise', async () => {
    const passed = [spec('node/pods.go', 'sig-node', 'runs', 'passed')];
    expect((await conformance(passed)).exitCode).toBe(0);
    const flags = () => readFileSync(join(dir, 'flags'), 'utf8').split('\n');
    expect(flags()).toContain('--ginkgo.focus=\\[Conformance\\]');
    expect(flags()).toContain('--kubeconfig=/etc/admin.conf');
    await conformance(passed, ['--focus=Probing', '--skip=Slow', '--dry-run', '--', '--num-nodes=1']);
    expect(flags()).toEqual(
      expect.arrayContaining([
        '--ginkgo.focus=Probing',
        '--ginkgo.skip=Slow',
        '--ginkgo.dry-run',
        '--num-nodes=1',
      ]),
    );
  });

  it('fails with the suite, also when no case could be run', async () => {
    const {exitCode, stdout} = await conformance([suite('failed', 'no nodes are ready')], [], '1');
    expect(exitCode).toBe(1);
    expect(words(stdout)).toEqual(expect.arrayContaining(['total 0 1 0', 'no nodes are ready']));
  });
});
