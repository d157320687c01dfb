import {expect, it, vi} from 'vitest';
import {failuresOf, rejectionOf} from '../../../src/kubelet/pod/apply/prepare.ts';
import {isResourceExhausted} from '../../../src/kubelet/volumes/csi/volume/attachments.ts';
import {csiVolume} from '../../../src/kubelet/volumes/csi/volume/source.ts';
import {Waits} from '../../../src/kubelet/volumes/csi/volume/waits.ts';
import type {VolumeRequest} from '../../../src/kubelet/volumes/types.ts';
import {
  VolumeError,
  VolumeRejection,
  VolumeStepError,
  VolumeWaitError,
} from '../../../src/kubelet/volumes/types.ts';
import {pod} from '../kubelet/pod-config/pods.ts';

const lateMs = 123_000;

function setup(isExhausted: boolean) {
  let nowMs = 0;
  const tell = vi.fn();
  const waits = new Waits({
    clock: {
      now: () => nowMs,
      monotonic: () => nowMs,
      after: () => () => {},
    },
    attachments: {isAttached: () => false},
    retry: () => {},
    isExhausted: async () => isExhausted,
  });
  const request: VolumeRequest = {
    pod: pod(),
    volume: {name: 'v', csi: {driver: 'd'}},
    persistent: undefined,
    specName: 'v',
    mode: 'Filesystem',
    readOnly: false,
    directory: '/d',
    context: {
      rootDir: '/r',
      objects: {secret: async () => undefined, configMap: async () => undefined},
      claims: {claim: () => Promise.reject(new Error()), volume: () => Promise.reject(new Error())},
      tokens: {token: () => Promise.reject(new Error()), forget: () => {}},
      nodeAllocatable: () => ({}),
      node: () => undefined,
      tell,
    },
    signal: undefined,
  };
  const wait = (ms: number) => {
    nowMs = ms;
    return waits.forAttachment(request, csiVolume(request));
  };
  return {wait, tell};
}

it('says after two minutes that a pod still waits, and not each second', async () => {
  const {wait, tell} = setup(false);
  await wait(0);
  await wait(lateMs - 1);
  expect(tell).not.toHaveBeenCalled();
  await wait(lateMs);
  await wait(lateMs + 1000);
  expect(tell).toHaveBeenCalledTimes(1);
  expect(tell.mock.calls[0]?.slice(1)).toEqual([
    'Warning',
    'FailedMount',
    'Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[v], failed to process volumes=[]: context deadline exceeded',
  ]);
});

it('gives a pod up whose volume the node has no room for', async () => {
  const {wait, tell} = setup(true);
  await wait(0);
  const error = await wait(lateMs).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(VolumeRejection);
  expect(tell).not.toHaveBeenCalled();
  const rejected = {
    reason: 'VolumeAttachmentLimitExceeded',
    message:
      'Node has reached its volume attachment limit, rejecting pod. unmounted volumes=[v], unattached volumes=[v], failed to process volumes=[]: context deadline exceeded',
    rejected: true,
  };
  expect(rejectionOf(error)).toEqual(rejected);
  expect(rejectionOf(new AggregateError([new Error('other'), error]))).toEqual(rejected);
  expect(rejectionOf(new Error('other'))).toBeUndefined();
});

it('knows an exhausted node by the gRPC code that the attacher leaves', () => {
  const status = (errorCode?: number) => ({
    status: {attached: false, attachError: {message: 'no', ...(errorCode === undefined ? {} : {errorCode})}},
  });
  expect([8, 13, undefined].map((code) => isResourceExhausted(status(code)))).toEqual([true, false, false]);
  expect(isResourceExhausted({})).toBe(false);
});

it('says nothing of the moments that every attached volume waits, and all of what fails', () => {
  const step = 'VerifyControllerAttachedVolume failed';
  const wait = new VolumeError('v', new VolumeWaitError(step, 'not yet', {quiet: true}));
  const failure = new VolumeError('w', new VolumeStepError('MountVolume.MountDevice failed', 'no disk'));
  expect(wait).toMatchObject({waiting: true, quiet: true});
  expect(failuresOf(wait)).toEqual([]);
  expect(failuresOf(new AggregateError([wait, failure]))).toEqual([
    {reason: 'FailedMount', message: 'MountVolume.MountDevice failed for volume "w" : no disk'},
  ]);
});
