import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {ImageManager} from '../../../../src/kubelet/images/manager.ts';
import type {Puller} from '../../../../src/kubelet/images/puller.ts';
import {PullRecords} from '../../../../src/kubelet/images/records/pull-records.ts';
import {silent} from '../../../../src/lib/log.ts';
import {container, nowMs, pod} from '../pod/fixtures.ts';

/** Kubernetes' own cases of the image manager (images/image_manager_test.go), by their meaning. */
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/nodectl-images-`);
});
afterEach(() => rmSync(dir, {recursive: true}));

type World = {present?: true; inspectError?: string; pullError?: string; verify?: true};

/** A manager whose time stands until a test turns it, and everything that it did. */
async function manager(world: World) {
  let ms = 0;
  let timers: {atMs: number; fn: () => void}[] = [];
  const clock = {
    now: () => nowMs + ms,
    monotonic: () => ms,
    after: (delayMs: number, fn: () => void) => {
      timers.push({atMs: ms + delayMs, fn});
      return () => undefined;
    },
  };
  const calls: string[] = [];
  const told: string[] = [];
  let changed = Promise.withResolvers<void>();
  const found = {ref: 'sha256:x', user: {}, bytes: 5};
  const puller: Puller = {
    present: async (name) => {
      calls.push(`inspect ${name}`);
      if (world.inspectError !== undefined) throw new Error(world.inspectError);
      return world.present ? found : undefined;
    },
    pull: async (name) => {
      calls.push(`pull ${name}`);
      if (world.pullError !== undefined) throw new Error(world.pullError);
      return {ref: 'sha256:x', used: undefined, tookMs: 1};
    },
  };
  const counted: unknown[] = [];
  const records = new PullRecords({
    dir,
    clock,
    log: silent,
    policy: () => world.verify === true,
    onChecked: (result) => counted.push(result),
  });
  await records.open();
  const images = new ImageManager({
    puller,
    records,
    clock,
    logins: async () => [],
    forgetLogins: () => undefined,
    tell: (_pod, _container, _type, reason, message) => told.push(`${reason}: ${message}`),
    onChange: () => changed.resolve(),
    metrics: {
      asked: ({policy, present, pull}) => counted.push(`${policy} ${present} ${pull}`),
      pulled: (_seconds, bytes) => counted.push(bytes),
    },
  });
  const object = pod();
  return {
    calls,
    told,
    counted,
    /** What the container is told to wait for, or the image that it has. */
    ensure: async (image: string, imagePullPolicy?: string) => {
      changed = Promise.withResolvers();
      images.ensure(object, container('main', {image, ...(imagePullPolicy ? {imagePullPolicy} : {})}));
      await changed.promise;
      return images.seen('uid-1').get('main');
    },
    turn: (byMs: number) => {
      ms += byMs;
      const due = timers.filter(({atMs}) => atMs <= ms);
      timers = timers.filter(({atMs}) => atMs > ms);
      for (const {fn} of due) fn();
      return images.seen('uid-1').get('main');
    },
    start: () => images.consume('uid-1', 'main'),
  };
}

const ready = {state: 'ready', image: {ref: 'sha256:x'}};

describe('an image', () => {
  it('that is missing is pulled', async () => {
    const {ensure, calls, told} = await manager({});
    expect(await ensure('app', 'IfNotPresent')).toMatchObject({state: 'ready'});
    expect(calls).toEqual(['inspect app:latest', 'pull app:latest', 'inspect sha256:x']);
    expect(told[0]).toBe('Pulling: Pulling image "app"');
    expect(told[1]).toMatch(/^Pulled: Successfully pulled image "app" in /);
  });

  it('is got anew when the container was given another one, also while the first one fails', async () => {
    const world: World = {pullError: 'no such thing'};
    const {ensure, calls} = await manager(world);
    expect(await ensure('typo:1')).toMatchObject({state: 'failed', asked: 'typo:1'});
    delete world.pullError;
    expect(await ensure('app:1')).toMatchObject({...ready, asked: 'app:1'});
    expect(await ensure('app:2')).toMatchObject({...ready, asked: 'app:2'});
    expect(calls.filter((call) => call.startsWith('pull'))).toEqual([
      'pull typo:1',
      'pull app:1',
      'pull app:2',
    ]);
  });

  it('that is present is not pulled, each time anew', async () => {
    const {ensure, calls, told, start} = await manager({present: true});
    for (let turn = 0; turn < 3; turn++) {
      expect(await ensure('app:1')).toMatchObject(ready);
      start();
    }
    expect(calls).toEqual(Array(3).fill('inspect app:1'));
    expect(told).toHaveLength(3);
    expect(told[0]).toBe(
      'Pulled: Container image "app:1" already present on machine and can be accessed by the pod',
    );
  });

  it.each([
    ['app:1', 'Always'],
    ['app', undefined],
    ['app:latest', undefined],
  ])('%s with %s is pulled though it is present', async (image, policy) => {
    const {ensure, calls} = await manager({present: true});
    expect(await ensure(image, policy)).toMatchObject(ready);
    expect(calls[0]).toMatch(/^pull /);
  });

  it('that is missing is not pulled with Never', async () => {
    const {ensure, calls, told} = await manager({});
    const message = 'Container image "app:1" is not present with pull policy of Never';
    expect(await ensure('app:1', 'Never')).toMatchObject({reason: 'ErrImageNeverPull', message});
    expect(calls).toEqual(['inspect app:1']);
    expect(told).toEqual([`ErrImageNeverPull: ${message}`, 'Failed: Error: ErrImageNeverPull']);
  });

  it('that the pod may not have looks as if it were missing', async () => {
    const {ensure, calls} = await manager({present: true, verify: true});
    expect(await ensure('app:1', 'Never')).toMatchObject({reason: 'ErrImageNeverPull'});
    expect(calls).toEqual(['inspect app:1']);
  });

  it('that cannot be looked at is neither pulled nor counted as a failed pull', async () => {
    const {ensure, calls, told, turn} = await manager({inspectError: 'unknown inspectError'});
    const message = 'Failed to inspect image "app:1": unknown inspectError';
    expect(await ensure('app:1')).toMatchObject({reason: 'ImageInspectError', message});
    expect(calls).toEqual(['inspect app:1']);
    expect(told).toEqual([`InspectFailed: ${message}`, 'Failed: Error: ImageInspectError']);
    expect(turn(5000)).toMatchObject({reason: 'ImageInspectError'});
  });

  it.each(['FAILED_IMAGE', 'http://url', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'])(
    'named %s is refused',
    async (image) => {
      const {ensure, calls, told} = await manager({});
      expect(await ensure(image)).toMatchObject({reason: 'InvalidImageName'});
      expect(calls).toEqual([]);
      expect(told[0]).toMatch(/^InspectFailed: Failed to apply default image tag/);
    },
  );
});

describe('a pull that fails', () => {
  it('waits ten seconds, then twice as long, and tells both its failure and its wait', async () => {
    const {ensure, told, turn} = await manager({pullError: '404'});
    const message = '404';
    expect(await ensure('typo:1')).toMatchObject({reason: 'ErrImagePull', message, retryInMs: 10_000});
    expect(turn(1000)).toMatchObject({
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "typo:1": ErrImagePull: ${message}`,
      retryInMs: 9000,
    });
    expect(told).toEqual([
      'Pulling: Pulling image "typo:1"',
      'Failed: Failed to pull image "typo:1": 404',
      'Failed: Error: ErrImagePull',
      'BackOff: Back-off pulling image "typo:1"',
      'Failed: Error: ImagePullBackOff',
    ]);
    expect(turn(9000)).toMatchObject({retryInMs: 0});
    expect(await ensure('typo:1', 'Always')).toMatchObject({reason: 'ErrImagePull', retryInMs: 20_000});
  });

  it('meanwhile looks whether the image has come in another way', async () => {
    const world: World = {pullError: '404'};
    const {ensure, calls, told, turn} = await manager(world);
    await ensure('app:1');
    turn(10_000);
    expect(await ensure('app:1')).toMatchObject({reason: 'ErrImagePull', retryInMs: 10_000});
    turn(10_000);
    const before = [calls.length, told.length];
    expect(await ensure('app:1')).toMatchObject({reason: 'ImagePullBackOff', retryInMs: 10_000});
    expect([calls.length, told.length]).toEqual([(before[0] ?? 0) + 1, before[1]]);
    expect(calls.at(-1)).toBe('inspect app:1');
    turn(3000);
    world.present = true;
    turn(7000);
    expect(await ensure('app:1')).toMatchObject(ready);
    expect(calls.filter((call) => call.startsWith('pull'))).toHaveLength(2);
  });

  it.each([
    ['SignatureValidationFailed', 'the signature validation failed'],
    ['RegistryUnavailable', 'the registry is unavailable'],
  ])('for %s says so', async (reason, why) => {
    const {ensure, turn} = await manager({pullError: `${reason}: details`});
    const message = `image pull failed for typo:1 because ${why}: details`;
    expect(await ensure('typo:1')).toMatchObject({reason, message});
    expect(turn(1000)).toMatchObject({
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "typo:1": ${reason}: ${message}`,
    });
  });
});

/** TestEnsureImageRequestsMetrics, TestMustAttemptPullMetrics. */
describe('what is counted of', () => {
  it.each<[string, World, string, string | undefined, unknown[]]>([
    ['a missing image', {}, 'app:1', 'IfNotPresent', [0, 'IfNotPresent false true']],
    [
      'one that is here',
      {present: true},
      'app:1',
      'IfNotPresent',
      ['credentialPolicyAllowed', 'IfNotPresent true false'],
    ],
    [
      'one that may not be had',
      {present: true, verify: true},
      'app:1',
      'IfNotPresent',
      ['mustAuthenticate', 5, 'IfNotPresent true true'],
    ],
    [
      'one that may never be had',
      {present: true, verify: true},
      'app:1',
      'Never',
      ['mustAuthenticate', 'Never true true'],
    ],
    ['a missing one that may not be pulled', {}, 'app:1', 'Never', ['Never false undefined']],
    ['one that is always pulled', {present: true}, 'app:1', 'Always', [5, 'Always undefined true']],
    ['one by its default', {present: true}, 'app', undefined, [5, 'Always undefined true']],
    ['one that cannot be looked at', {inspectError: 'x'}, 'app:1', 'Never', ['Never undefined undefined']],
    ['a wrong name', {}, 'UPPER', 'IfNotPresent', ['IfNotPresent undefined undefined']],
    ['a failed pull', {pullError: '404'}, 'app:1', 'Always', ['Always undefined true']],
  ])('%s', async (_, world, image, policy, is) => {
    const {ensure, counted} = await manager(world);
    await ensure(image, policy);
    expect(counted).toEqual(is);
  });
});
