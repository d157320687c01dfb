import {expect, it} from 'vitest';
import type {KubeClient} from '../../../src/edges/kube/client.ts';
import {ApiError} from '../../../src/edges/kube/errors.ts';
import {StatusWriter} from '../../../src/kubelet/api/status-writer.ts';
import type {PodStatus} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import type {Clock} from '../../../src/lib/time.ts';
import {container, pod} from './pod/fixtures.ts';

const unused = () => {
  throw new Error('not used');
};

/** What Kubernetes 1.36 answers to a patch whose metadata.uid is not the object's. */
const immutable = (field: string) =>
  new ApiError(422, `Pod "web" is invalid: ${field}: field is immutable`, {
    reason: 'Invalid',
    status: {reason: 'Invalid', details: {causes: [{reason: 'FieldValueInvalid', field}]}},
  });

/** The errors that were told to be tried again, and the patches sent, after one status was to be written. */
async function writes(error: Error): Promise<{retries: number; bodies: object[]}> {
  const timers: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after(_, run) {
      timers.push(run);
      return () => {};
    },
  };
  const bodies: object[] = [];
  let retries = 0;
  const client: KubeClient = {
    get: unused,
    list: unused,
    create: unused,
    update: unused,
    delete: unused,
    watch: unused,
    request: unused,
    patch: (_, __, patch) => {
      bodies.push(patch.body);
      return Promise.reject(error);
    },
  };
  const log = {...silent, warn: () => void retries++};
  const writer = new StatusWriter({client, clock, log, onWritten: unused});
  writer.want('old', pod({}, {uid: 'old'}), {phase: 'Running'});
  for (const run of timers.splice(0)) run();
  // Nothing in it is real: one turn of the event loop settles it.
  await new Promise(setImmediate);
  await writer.stop();
  return {retries, bodies};
}

it('tells how long the API server was behind, from the first change to the last', async () => {
  let ms = 0;
  const timers: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => ms,
    after(_, run) {
      timers.push(run);
      return () => {};
    },
  };
  const answers: (() => void)[] = [];
  const client = {
    patch: (_: object, __: object, {body}: {body: {status: object}}) =>
      new Promise((resolve) => answers.push(() => resolve({...pod({}, {uid: 'one'}), status: body.status}))),
  } as unknown as KubeClient;
  const synced: number[] = [];
  const onSynced = (seconds: number) => synced.push(seconds);
  const writer = new StatusWriter({client, clock, log: silent, onWritten: () => {}, onSynced});
  const turn = async (atMs: number) => {
    ms = atMs;
    for (const run of timers.splice(0)) run();
    await new Promise(setImmediate);
  };
  const answer = async (atMs: number) => {
    ms = atMs;
    answers.shift()?.();
    await new Promise(setImmediate);
  };
  writer.want('one', pod({}, {uid: 'one'}), {phase: 'Running'});
  await turn(200);
  writer.want('one', pod({}, {uid: 'one'}), {phase: 'Failed'});
  await answer(1_000);
  expect(synced).toEqual([]);
  await turn(1_500);
  await answer(2_000);
  expect(synced).toEqual([2]);
  await writer.stop();
});

/** status_manager.go, checkContainerStateTransition: the API server would refuse it. */
it('leaves untold that what has ended for good runs again, until that has ended too', async () => {
  const timers: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after(_, run) {
      timers.push(run);
      return () => {};
    },
  };
  const told: object[] = [];
  const client = {
    patch: async (_: object, __: object, {body}: {body: {status: object}}) => {
      told.push(body.status);
      return {...pod({}, {uid: 'one'}), status: body.status};
    },
  } as unknown as KubeClient;
  const writer = new StatusWriter({client, clock, log: silent, onWritten: () => {}});
  const spec = {restartPolicy: 'OnFailure', initContainers: [container('init')]};
  const init = (state: object): PodStatus => ({
    phase: 'Pending',
    initContainerStatuses: [{name: 'init', image: '', imageID: '', ready: false, restartCount: 0, state}],
  });
  const [first, second] = ['a', 'b'].map((containerID) => init({terminated: {exitCode: 0, containerID}}));
  const object = {...pod(spec, {uid: 'one'}), status: first};
  for (const status of [init({running: {}}), second, init({waiting: {}})]) {
    writer.want('one', object, status ?? {});
    for (const run of timers.splice(0)) run();
    await new Promise(setImmediate);
  }
  expect(told).toEqual([{initContainerStatuses: second?.initContainerStatuses}]);
  await writer.stop();
});

it('tells nobody when another pod has the name by now', async () => {
  const {retries, bodies} = await writes(immutable('metadata.uid'));
  expect(bodies).toEqual([{metadata: {uid: 'old'}, status: {phase: 'Running'}}]);
  expect(retries).toBe(0);
});

it('tries again what was refused for another reason', async () => {
  expect((await writes(immutable('status.qosClass'))).retries).toBe(1);
});

it('tries again after a conflict: only the API server gave up, with the writes of others', async () => {
  const error = new ApiError(
    409,
    'Operation cannot be fulfilled on pods "web": the object has been modified',
    {
      reason: 'Conflict',
    },
  );
  expect((await writes(error)).retries).toBe(1);
});
