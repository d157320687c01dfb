import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {removeTree} from '../../../src/edges/files/trees.ts';
import {mountReferences} from '../../../src/edges/mounts/mount-references.ts';
import {forceUnmountBelow, isMounted, mountsAtOrBelow, readMounts} from '../../../src/edges/mounts/mounts.ts';
import {type KeptVolumes, keepVolumes} from '../../../src/kubelet/volumes/pod-volumes.ts';
import {silent} from '../../../src/lib/log.ts';
import {container, pod, secret} from '../../unit/kubelet/pod-config/pods.ts';
import {volumeContext} from './support.ts';

/** /var/lib/kubelet is often a link to a larger disk; the kernel's list of mounts names where it leads. */
let real: string;
let root: string;
let precious: string;
let agent: KeptVolumes;

beforeEach(async () => {
  real = await fs.realpath(await fs.mkdtemp(join(tmpdir(), 'volumes-link-')));
  root = join(real, 'kubelet');
  precious = join(real, 'precious');
  await fs.mkdir(join(real, 'disk'));
  await fs.symlink('disk', root);
  await fs.mkdir(join(precious, 'sub'), {recursive: true});
  await fs.writeFile(join(precious, 'sub/data'), 'precious');
  const objects = {configMaps: new Map(), secrets: new Map([['s', secret('s', {key: 'hidden'})]])};
  agent = keepVolumes(volumeContext(root, objects), realClock, silent);
});
afterEach(async () => {
  agent.stop();
  for (const point of mountsAtOrBelow(await readMounts(), real)) execFileSync('umount', [point]);
  await fs.rm(real, {recursive: true});
});

const mounted = async (): Promise<string[]> => mountsAtOrBelow(await readMounts(), real);
const {signal} = new AbortController();

it('volumes are mounted once and taken down whole, and sources survive, where the root is a link', async () => {
  const volumeMounts = [
    {name: 's', mountPath: '/s'},
    {name: 'm', mountPath: '/m'},
    {name: 'h', mountPath: '/h', subPath: 'sub'},
  ];
  const own = container({volumeMounts});
  const of = pod({
    containers: [own],
    volumes: [
      {name: 's', secret: {secretName: 's'}},
      {name: 'm', emptyDir: {medium: 'Memory'}},
      {name: 'h', hostPath: {path: precious}},
    ],
  });
  for (let times = 0; times < 2; times++) {
    await agent.prepare(of, signal);
    const paths = (await agent.mounts(of, own, [])).map(({hostPath = ''}) => hostPath);
    expect(paths.every((path) => path.startsWith(`${root}/pods/u-1/`))).toBe(true);
    expect(await mounted()).toHaveLength(3);
  }
  const subPath = join(root, 'pods/u-1/volume-subpaths/h/app/2');
  expect(await fs.readFile(join(subPath, 'data'), 'utf8')).toBe('precious');
  expect(await isMounted(subPath)).toBe(true);
  expect(await agent.orphans(new Set())).toEqual(['u-1']);
  await expect(removeTree(join(root, 'pods/u-1'))).rejects.toThrow('still mounted');
  await agent.tearDown('u-1');
  expect(await mounted()).toEqual([]);
  expect(await fs.readdir(join(root, 'pods'))).toEqual([]);
  expect(await fs.readFile(join(precious, 'sub/data'), 'utf8')).toBe('precious');
});

it('other mounts of the same thing are found below it, and all of them are taken down by force', async () => {
  const [staged, used] = [join(root, 'plugins/staged'), join(root, 'pods/u-1/used')];
  for (const place of [staged, used]) await fs.mkdir(place, {recursive: true});
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', staged]);
  execFileSync('mount', ['--bind', staged, used]);
  expect(await mountReferences(staged, join(root, 'pods'))).toEqual([used]);
  expect(await forceUnmountBelow(root)).toEqual([]);
  expect(await mounted()).toEqual([]);
});
