/**
 * A kubelet's volumes in a mount namespace of their own, where mount.nfs is a program of the test: it notes what it is
 * asked for and binds a directory in place of the export. `nfs-worker.ts DIR`; prints what was seen.
 */
import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {join} from 'node:path';
import {realClock} from '../../../../src/edges/clock.ts';
import {mountsAtOrBelow, readMounts} from '../../../../src/edges/mounts/mounts.ts';
import {keepVolumes} from '../../../../src/kubelet/volumes/pod-volumes.ts';
import type {PersistentVolume, Volume} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';
import {mountingPod, volumeContext} from '../support.ts';

const [dir = ''] = process.argv.slice(2);
const [root, exported, log] = ['kubelet', 'exported', 'asked.jsonl'].map((name) => join(dir, name));
if (root === undefined || exported === undefined || log === undefined) throw new Error('no directory');

const helper = `#!${process.execPath}
const [source, target, ...rest] = process.argv.slice(2);
require('node:fs').appendFileSync(${JSON.stringify(log)}, JSON.stringify([source, ...rest]) + '\\n');
require('node:child_process').execFileSync('mount', ['-n', '--bind', ${JSON.stringify(exported)}, target]);
`;
const programs = await fs.realpath('/sbin');
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', programs]);
await fs.writeFile(join(programs, 'mount.nfs'), helper, {mode: 0o755});
await fs.mkdir(exported);
await fs.writeFile(join(exported, 'data'), 'of the server');

const spec: PersistentVolume['spec'] = {
  nfs: {server: '2001:db8::1', path: '/export'},
  mountOptions: ['nfsvers=4.2', 'hard'],
  claimRef: {uid: 'c'},
};
const claims = {
  claim: async (namespace: string, name: string) => ({
    metadata: {name, namespace, uid: 'c', resourceVersion: '1'},
    spec: {volumeName: 'pv'},
    status: {phase: 'Bound'},
  }),
  volume: async (name: string) => ({metadata: {name, uid: 'v', resourceVersion: '1'}, spec}),
};
const agent = keepVolumes(
  volumeContext(root, {configMaps: new Map(), secrets: new Map()}, {claims}),
  realClock,
  silent,
);

const {signal} = new AbortController();
const claimed = (name: string, readOnly: boolean): Volume => ({
  name,
  persistentVolumeClaim: {claimName: 'data', readOnly},
});
const cases: readonly (readonly [uid: string, volumes: Volume[]])[] = [
  ['own', [{name: 'v', nfs: {server: 'nfs.example.com', path: '/a', readOnly: true}}]],
  ['claimed', [claimed('v', false)]],
  ['twice', [claimed('one', false), claimed('two', false)]],
  ['read-only', [claimed('v', true)]],
];
const seen: Record<string, object> = {};
for (const [uid, volumes] of cases) {
  await fs.writeFile(log, '');
  const of = mountingPod({volumes}, {uid});
  await agent.prepare(of, signal);
  await agent.prepare(of, signal);
  const [container] = of.spec.containers;
  if (container === undefined) throw new Error('no container');
  const mounts = await agent.mounts(of, container, []);
  const content = await fs.readFile(join(mounts[0]?.hostPath ?? '', 'data'), 'utf8');
  const asked = (await fs.readFile(log, 'utf8')).trim().split('\n');
  const points = mountsAtOrBelow(await readMounts(), root).map((path) => path.slice(root.length));
  await agent.tearDown(uid);
  seen[uid] = {
    asked: asked.map((line): unknown => JSON.parse(line)),
    points,
    readonly: mounts.map(({readonly}) => readonly),
    content,
    left: mountsAtOrBelow(await readMounts(), root),
    kept: await fs.readdir(exported),
  };
}
agent.stop();
process.stdout.write(JSON.stringify(seen));
