import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {removeTree} from '../../../src/edges/files/trees.ts';
import {mountsAtOrBelow, readMounts} from '../../../src/edges/mounts/mounts.ts';
import {type KeptVolumes, keepVolumes} from '../../../src/kubelet/volumes/pod-volumes.ts';
import {prepareVolumes} from '../../../src/kubelet/volumes/volumes.ts';
import type {ConfigMap, Container, Pod, Secret} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import {configMap, container, secret} from '../../unit/kubelet/pod-config/pods.ts';
import {mountingPod as pod, volumeContext} from './support.ts';

const signal = new AbortController().signal;

describe('the volumes of a pod', () => {
  let root: string;
  let agent: KeptVolumes;
  let configMaps: Map<string, ConfigMap>;
  let secrets: Map<string, Secret>;
  let tokens: string[];

  const context = () =>
    volumeContext(
      root,
      {configMaps, secrets},
      {
        tokens: {
          token: async () => ({
            token: tokens.shift() ?? 'last',
            againInMs: tokens.length > 0 ? 50 : 3_600_000,
          }),
          forget: () => undefined,
        },
      },
    );

  beforeEach(async () => {
    root = await fs.mkdtemp(join(tmpdir(), 'volumes-'));
    configMaps = new Map([['c', configMap('c', {a: 'one', b: 'two'})]]);
    secrets = new Map([['s', secret('s', {key: 'hidden'})]]);
    tokens = ['first'];
    agent = keepVolumes(context(), realClock, silent);
  });
  afterEach(async () => {
    agent.stop();
    for (const point of mountsAtOrBelow(await readMounts(), root)) execFileSync('umount', [point]);
    await fs.rm(root, {recursive: true});
  });

  const at = (kind: string, name: string): string =>
    join(root, 'pods/u-1/volumes', `kubernetes.io~${kind}`, name);
  const shape = async (path: string): Promise<string> => {
    const {mode, uid, gid} = await fs.lstat(path);
    return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
  };
  const mountedAs = async (path: string): Promise<string | undefined> =>
    (await readMounts()).find(({mountPoint}) => mountPoint === path)?.fsType;
  const mountsOf = (of: Pod, own: Container) => agent.mounts(of, own, [{name: 'SUB', value: 'x'}]);

  it('are in their fixed places with their modes', async () => {
    const of = pod({
      volumes: [
        {name: 'e', emptyDir: {}},
        {name: 'm', emptyDir: {medium: 'Memory', sizeLimit: '1Mi'}},
        {
          name: 'c',
          configMap: {
            name: 'c',
            defaultMode: 0o440,
            items: [
              {key: 'a', path: 'deep/a', mode: 0o400},
              {key: 'b', path: 'b'},
            ],
          },
        },
        {name: 's', secret: {secretName: 's'}},
        {name: 'd', downwardAPI: {items: [{path: 'name', fieldRef: {fieldPath: 'metadata.name'}}]}},
        {name: 'o', configMap: {name: 'none', optional: true}},
      ],
    });
    await agent.prepare(of, signal);
    expect(await shape(at('empty-dir', 'e'))).toBe('777 0:0');
    expect(await mountedAs(at('empty-dir', 'm'))).toBe('tmpfs');
    expect(execFileSync('df', ['--output=size', '-B1', at('empty-dir', 'm')], {encoding: 'utf8'})).toContain(
      '1048576',
    );
    expect(await fs.readFile(join(at('configmap', 'c'), 'deep/a'), 'utf8')).toBe('one');
    expect(await shape(await fs.realpath(join(at('configmap', 'c'), 'deep/a')))).toBe('400 0:0');
    expect(await shape(await fs.realpath(join(at('configmap', 'c'), 'b')))).toBe('440 0:0');
    expect(await mountedAs(at('configmap', 'c'))).toBeUndefined();
    expect(await fs.readFile(join(at('secret', 's'), 'key'), 'utf8')).toBe('hidden');
    expect(await mountedAs(at('secret', 's'))).toBe('tmpfs');
    expect(await fs.readFile(join(at('downward-api', 'd'), 'name'), 'utf8')).toBe('web');
    expect(await fs.readdir(at('configmap', 'o'))).toEqual([expect.stringMatching(/^\.\.\d{4}_/), '..data']);
    expect((await mountsOf(of, container({volumeMounts: [{name: 's', mountPath: 's'}]})))[0]).toMatchObject({
      containerPath: '/s',
      readonly: true,
    });
  });

  it('are the same when prepared again, and gone without a trace', async () => {
    const of = pod({
      volumes: [
        {name: 's', secret: {secretName: 's'}},
        {name: 'm', emptyDir: {medium: 'Memory'}},
      ],
    });
    await agent.prepare(of, signal);
    const before = await fs.readlink(join(at('secret', 's'), '..data'));
    await agent.prepare(of, signal);
    expect(await fs.readlink(join(at('secret', 's'), '..data'))).toBe(before);
    expect(mountsAtOrBelow(await readMounts(), root)).toHaveLength(2);
    expect(await agent.orphans(new Set())).toEqual(['u-1']);
    expect(await agent.orphans(new Set(['u-1']))).toEqual([]);
    await agent.tearDown('u-1');
    expect(mountsAtOrBelow(await readMounts(), root)).toEqual([]);
    expect(await agent.orphans(new Set())).toEqual([]);
    await agent.tearDown('u-1');
  });

  it('show a change all at once, and nothing of what it removed', async () => {
    const of = pod({volumes: [{name: 'c', configMap: {name: 'c'}}]});
    await agent.prepare(of, signal);
    const volume = at('configmap', 'c');
    const seen = await fs.open(join(volume, 'a'));
    configMaps.set('c', configMap('c', {a: 'new', z: 'more'}));
    await agent.refresh(of);
    expect((await fs.readdir(volume)).filter((name) => !name.startsWith('..'))).toEqual(['a', 'z']);
    expect(await fs.readFile(join(volume, 'a'), 'utf8')).toBe('new');
    expect((await fs.readdir(volume)).filter((name) => /^\.\.\d/.test(name))).toHaveLength(1);
    expect(await seen.readFile('utf8')).toBe('one');
    await seen.close();
    configMaps.delete('c');
    await agent.refresh(of);
    expect(await fs.readFile(join(volume, 'a'), 'utf8')).toBe('new');
  });

  it('clean up what a crash in the middle of a change has left', async () => {
    const of = pod({volumes: [{name: 'c', configMap: {name: 'c'}}]});
    await agent.prepare(of, signal);
    const volume = at('configmap', 'c');
    await fs.mkdir(join(volume, '..2020_01_01_00_00_00.abc'));
    await fs.symlink('..2020_01_01_00_00_00.abc', join(volume, '..data_tmp'));
    await fs.symlink('..data/gone', join(volume, 'gone'));
    configMaps.set('c', configMap('c', {a: 'new'}));
    await agent.refresh(of);
    expect((await fs.readdir(volume)).filter((name) => !/^\.\.\d/.test(name))).toEqual(['..data', 'a']);
    expect((await fs.readdir(volume)).filter((name) => /^\.\.\d/.test(name))).toHaveLength(1);
  });

  it('give projected sources together, renew tokens by themselves, and keep tokens to their user', async () => {
    tokens = ['first', 'second'];
    const sources = [
      {serviceAccountToken: {path: 'token', expirationSeconds: 600}},
      {configMap: {name: 'c', items: [{key: 'a', path: 'sub/a'}]}},
      {downwardAPI: {items: [{path: 'namespace', fieldRef: {fieldPath: 'metadata.namespace'}}]}},
    ];
    const of = pod({
      volumes: [{name: 'p', projected: {sources, defaultMode: 0o644}}],
      securityContext: {runAsUser: 1234},
    });
    await agent.prepare(of, signal);
    const token = join(at('projected', 'p'), 'token');
    // It may have been renewed already.
    expect(await fs.readFile(token, 'utf8')).toMatch(/first|second/);
    const {mode, uid, gid} = await fs.stat(token);
    expect([mode & 0o7777, uid, gid]).toEqual([0o600, 1234, 0]);
    expect(await fs.readFile(join(at('projected', 'p'), 'sub/a'), 'utf8')).toBe('one');
    await expect.poll(() => fs.readFile(token, 'utf8')).toBe('second');
  });

  it('follow one object without the others, whose tokens are renewed in time all the same', async () => {
    tokens = ['first', 'second'];
    const of = pod({
      volumes: [
        {name: 'c', configMap: {name: 'c'}},
        {name: 'p', projected: {sources: [{serviceAccountToken: {path: 'token'}}]}},
        {name: 's', secret: {secretName: 's'}},
      ],
    });
    await agent.prepare(of, signal);
    configMaps.set('c', configMap('c', {a: 'three'}));
    secrets.set('s', secret('s', {key: 'not yet'}));
    await agent.refresh(of, {kind: 'ConfigMap', namespace: of.metadata.namespace, name: 'c'});
    expect(await fs.readFile(join(at('configmap', 'c'), 'a'), 'utf8')).toBe('three');
    // A token that falls due while the object is looked at may be renewed twice.
    await expect.poll(() => fs.readFile(join(at('projected', 'p'), 'token'), 'utf8')).not.toBe('first');
  });

  it('show the cluster’s trust bundles, and follow them', async () => {
    let anchors = 'one';
    const trust = {anchors: async () => anchors, stop: async () => undefined};
    const trusting = keepVolumes({...context(), trust}, realClock, silent);
    const sources = [{clusterTrustBundle: {name: 'x', path: 'ca.crt'}}];
    const of = pod({
      volumes: [{name: 'p', projected: {sources}}],
      securityContext: {fsGroup: 4321},
    });
    await trusting.prepare(of, signal);
    const file = join(at('projected', 'p'), 'ca.crt');
    expect(await fs.readFile(file, 'utf8')).toBe('one');
    expect(await shape(await fs.realpath(file))).toBe('640 0:4321');
    anchors = 'two';
    trusting.refreshWhere(() => true);
    await expect.poll(() => fs.readFile(file, 'utf8')).toBe('two');
    trusting.stop();
  });

  it('belong to the fsGroup', async () => {
    const of = pod({
      volumes: [
        {name: 'e', emptyDir: {}},
        {name: 's', secret: {secretName: 's', defaultMode: 0o400}},
      ],
      securityContext: {fsGroup: 4321},
    });
    await agent.prepare(of, signal);
    expect(await shape(at('empty-dir', 'e'))).toBe('2777 0:4321');
    expect(await shape(await fs.realpath(join(at('secret', 's'), 'key')))).toBe('440 0:4321');
  });

  it('stay as their pod has left them, also where the kubelet is a new one', async () => {
    const of = pod({
      volumes: [
        {name: 'e', emptyDir: {}},
        {name: 'm', emptyDir: {medium: 'Memory'}},
      ],
      securityContext: {fsGroup: 4321},
    });
    await agent.prepare(of, signal);
    for (const name of ['e', 'm']) {
      await fs.writeFile(join(at('empty-dir', name), 'own'), '', {mode: 0o600});
      await fs.chown(join(at('empty-dir', name), 'own'), 70, 70);
      await fs.chmod(at('empty-dir', name), 0o700);
      await fs.chown(at('empty-dir', name), 70, 70);
    }
    await keepVolumes(context(), realClock, silent).prepare(of, signal);
    for (const name of ['e', 'm']) {
      expect(await shape(at('empty-dir', name))).toBe('700 70:70');
      expect(await shape(join(at('empty-dir', name), 'own'))).toBe('600 70:70');
    }
  });

  it('are made again where only a part of them was made, and memory after a reboot', async () => {
    const volumes = [
      {name: 'e', emptyDir: {}},
      {name: 'm', emptyDir: {medium: 'Memory'}},
    ];
    await fs.mkdir(at('empty-dir', 'e'), {recursive: true, mode: 0o750});
    await agent.prepare(pod({volumes}), signal);
    expect(await shape(at('empty-dir', 'e'))).toBe('777 0:0');
    execFileSync('umount', [at('empty-dir', 'm')]);
    await keepVolumes(context(), realClock, silent).prepare(pod({volumes}), signal);
    expect(await mountedAs(at('empty-dir', 'm'))).toBe('tmpfs');
    await fs.rm(at('empty-dir', 'e'), {recursive: true});
    await keepVolumes(context(), realClock, silent).prepare(pod({volumes}), signal);
    expect(await shape(at('empty-dir', 'e'))).toBe('777 0:0');
  });

  it('say what is missing, all of it, and make the rest', async () => {
    const volumes = [
      {name: 'x', configMap: {name: 'none'}},
      {name: 'y', gitRepo: {repository: 'a'}},
      {name: 'e', emptyDir: {}},
    ];
    await expect(agent.prepare(pod({volumes}), signal)).rejects.toThrow(
      'MountVolume.SetUp failed for volume "x" : configmap "none" not found; MountVolume.SetUp failed for volume "y" : volumes of kind gitRepo are not supported on this node',
    );
    expect(await shape(at('empty-dir', 'e'))).toBe('777 0:0');
  });

  it('refuse keys that lead out of the volume', async () => {
    const items = [{key: 'a', path: '../../escape'}];
    await expect(
      agent.prepare(pod({volumes: [{name: 'c', configMap: {name: 'c', items}}]}), signal),
    ).rejects.toThrow('must not contain');
    expect(await fs.readdir(at('configmap', 'c'))).toEqual([]);
  });

  it('are huge pages of the size that the pod asks for', async () => {
    const volumes = [{name: 'h', emptyDir: {medium: 'HugePages-2Mi'}}];
    const asking = container({resources: {requests: {'hugepages-2Mi': '4Mi'}}});
    await agent.prepare(pod({volumes, containers: [asking]}), signal);
    const mount = (await readMounts()).find(({mountPoint}) => mountPoint === at('empty-dir', 'h'));
    expect(mount?.fsType).toBe('hugetlbfs');
    await agent.tearDown('u-1');
    await expect(agent.prepare(pod({volumes}), signal)).rejects.toThrow(
      'hugePages storage requested, but there is no resource request for huge pages',
    );
  });

  it('are refused where they need what Kubernetes 1.36 has off by default', async () => {
    const sources = [{podCertificate: {signerName: 'a/b', keyType: 'ED25519'}}];
    await expect(agent.prepare(pod({volumes: [{name: 'p', projected: {sources}}]}), signal)).rejects.toThrow(
      'MountVolume.SetUp failed for volume "p" : projected source podCertificate',
    );
  });

  it('are made without a source that the API server has emptied, as it knows it but has it off', async () => {
    const sources = [{configMap: {name: 'c'}}, {}];
    await agent.prepare(pod({volumes: [{name: 'p', projected: {sources}}]}), signal);
    expect(await fs.readFile(join(at('projected', 'p'), 'a'), 'utf8')).toBe('one');
  });

  it('make room for volumes mounted inside read-only ones', async () => {
    const volumeMounts = [
      {name: 'c', mountPath: '/v'},
      {name: 'e', mountPath: '/v/in/side'},
    ];
    const of = pod({
      containers: [container({volumeMounts})],
      volumes: [
        {name: 'c', configMap: {name: 'c'}},
        {name: 'e', emptyDir: {}},
      ],
    });
    await agent.prepare(of, signal);
    expect((await fs.stat(join(at('configmap', 'c'), 'in/side'))).isDirectory()).toBe(true);
    await agent.refresh(of);
    expect((await fs.stat(join(at('configmap', 'c'), 'in/side'))).isDirectory()).toBe(true);
  });

  it('check host paths', async () => {
    const socket = join(root, 'socket');
    const server = createServer().listen(socket);
    await fs.writeFile(join(root, 'file'), '');
    const check = (path: string, type: string): Promise<string> =>
      prepareVolumes(pod({volumes: [{name: 'h', hostPath: {path, type}}]}), context()).then(
        () => 'ok',
        (error: unknown) => String(error),
      );
    expect(await check(`${root}/new/dir`, 'DirectoryOrCreate')).toBe('ok');
    expect(await shape(`${root}/new/dir`)).toBe('755 0:0');
    expect(await shape(`${root}/new`)).toBe('755 0:0');
    expect(await check(`${root}/new/file`, 'FileOrCreate')).toBe('ok');
    expect(await shape(`${root}/new/file`)).toBe('644 0:0');
    expect(await check(socket, 'Socket')).toBe('ok');
    expect(await check('/dev/null', 'CharDevice')).toBe('ok');
    expect(await check(`${root}/file`, 'Directory')).toContain('is not a directory');
    expect(await check(`${root}/none`, 'File')).toContain('is not a file');
    expect(await check(`${root}/file`, 'Socket')).toContain('is not a socket file');
    expect(await check(`${root}/none`, '')).toBe('ok');
    expect(await check(`${root}/../etc`, '')).toContain("must not contain '..'");
    server.close();
  });

  describe('with a subPath', () => {
    const of = pod({
      volumes: [
        {name: 'e', emptyDir: {}},
        {name: 'c', configMap: {name: 'c'}},
      ],
    });
    const mountAt = async (subPath: string, name = 'e', fields = {}) => {
      const own = container({volumeMounts: [{name, mountPath: '/x', subPath, ...fields}]});
      return (await mountsOf(of, own))[0]?.hostPath ?? '';
    };
    beforeEach(() => agent.prepare(of, signal));

    it('mount a directory that is made if needed, and the same again', async () => {
      const path = await mountAt('a/b');
      expect(path).toBe(join(root, 'pods/u-1/volume-subpaths/e/app/0'));
      expect(await shape(join(at('empty-dir', 'e'), 'a/b'))).toBe('777 0:0');
      await fs.writeFile(join(path, 'f'), 'through');
      expect(await fs.readFile(join(at('empty-dir', 'e'), 'a/b/f'), 'utf8')).toBe('through');
      expect(await mountAt('a/b')).toBe(path);
      expect(mountsAtOrBelow(await readMounts(), path)).toHaveLength(1);
      await agent.tearDown('u-1');
      expect(mountsAtOrBelow(await readMounts(), root)).toEqual([]);
    });

    it('mount a single file of a ConfigMap', async () => {
      expect(await fs.readFile(await mountAt('a', 'c'), 'utf8')).toBe('one');
      configMaps.set('c', configMap('c', {a: 'new'}));
      await agent.refresh(of);
      expect(await fs.readFile(await mountAt('a', 'c'), 'utf8')).toBe('new');
    });

    it('expand subPathExpr, and miss what is not set', async () => {
      await mountAt('', 'e', {subPathExpr: 'logs/$(SUB)'});
      expect(await fs.readdir(join(at('empty-dir', 'e'), 'logs'))).toEqual(['x']);
      await expect(mountAt('', 'e', {subPathExpr: '$(B)/$(A)'})).rejects.toThrow('missing value for A, B');
    });

    it('never leave the volume', async () => {
      const volume = at('empty-dir', 'e');
      await fs.symlink('/etc', join(volume, 'out'));
      await fs.symlink('/nonexistent', join(volume, 'dangling'));
      await fs.mkdir(join(volume, 'inner'));
      await fs.symlink('inner', join(volume, 'inside'));
      for (const path of ['../x', '/etc', 'a/../../x'])
        await expect(mountAt(path)).rejects.toThrow(/subpath/i);
      for (const path of ['out', 'out/passwd', 'dangling', 'out/../inner'])
        await expect(mountAt(path)).rejects.toThrow();
      await expect(mountAt('inside')).resolves.toContain('volume-subpaths');
      expect(mountsAtOrBelow(await readMounts(), join(root, 'pods/u-1/volume-subpaths'))).toHaveLength(1);
    });
  });

  it('are never removed through a live mount', async () => {
    const directory = join(root, 'pods/u-1/volumes');
    const outside = join(root, 'precious');
    await fs.mkdir(join(directory, 'x'), {recursive: true});
    await fs.mkdir(outside);
    await fs.writeFile(join(outside, 'data'), 'keep');
    execFileSync('mount', ['--bind', outside, join(directory, 'x')]);
    await expect(removeTree(join(root, 'pods/u-1'))).rejects.toThrow('still mounted');
    expect(await fs.readFile(join(outside, 'data'), 'utf8')).toBe('keep');
    // What the list of mounts does not show, the kernel itself refuses.
    await expect(removeTree(join(directory, 'x'))).rejects.toThrow('EBUSY');
    expect(await fs.readFile(join(outside, 'data'), 'utf8')).toBe('keep');
    await agent.tearDown('u-1');
    expect(await fs.readFile(join(outside, 'data'), 'utf8')).toBe('keep');
  });
});
