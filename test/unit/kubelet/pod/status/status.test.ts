import {describe, expect, it} from 'vitest';
import {decidePod} from '../../../../../src/kubelet/pod/actions/decide.ts';
import type {PodSeen} from '../../../../../src/kubelet/pod/seen.ts';
import {statusPatch} from '../../../../../src/kubelet/pod/status/status-patch.ts';
import {container, exited, nowMs, pod, record, sandbox, seen} from '../fixtures.ts';

const statusOf = (changes: Partial<PodSeen>) => decidePod(seen(changes)).status;
const phase = (changes: Partial<PodSeen>) => statusOf(changes)?.phase;
const main = (changes: Partial<PodSeen>) => statusOf(changes)?.containerStatuses?.[0];
const conditionOf = (changes: Partial<PodSeen>, type: string) =>
  statusOf(changes)?.conditions?.find((c) => c.type === type);
const one = (...containers: PodSeen['runtime']['containers']) => ({
  sandboxes: [sandbox()],
  containers,
});
const init = container('init');
const proxy = container('proxy', {restartPolicy: 'Always'});
const deleted = {deletionTimestamp: '2026-01-01T00:09:59Z', deletionGracePeriodSeconds: 30};

describe('the phase', () => {
  const never = {restartPolicy: 'Never'};
  const two = {containers: [container('main'), container('other')]};
  it.each<[string, string, Partial<PodSeen>]>([
    ['Pending', 'nothing was started', {runtime: {sandboxes: [], containers: []}}],
    ['Running', 'its container runs', {}],
    [
      'Running',
      'one of two has ended and may not run again',
      {pod: pod({...two, ...never}), runtime: one(exited('main'), record('other'))},
    ],
    ['Pending', 'one of two has not started yet', {pod: pod(two), runtime: one(record('main'))}],
    ['Running', 'all have ended and will be started again', {runtime: one(exited('main', 1))}],
    ['Succeeded', 'all have ended well for good', {pod: pod(never), runtime: one(exited('main'))}],
    [
      'Failed',
      'one has failed for good',
      {pod: pod({...two, ...never}), runtime: one(exited('main'), exited('other', 1))},
    ],
    [
      'Running',
      'one has failed and OnFailure starts it again',
      {pod: pod({restartPolicy: 'OnFailure'}), runtime: one(exited('main', 1))},
    ],
    [
      'Succeeded',
      'OnFailure has nothing to do',
      {pod: pod({restartPolicy: 'OnFailure'}), runtime: one(exited('main'))},
    ],
    ['Pending', 'an init container runs', {pod: pod({initContainers: [init]}), runtime: one(record('init'))}],
    [
      'Failed',
      'an init container has failed for good',
      {pod: pod({...never, initContainers: [init]}), runtime: one(exited('init', 1))},
    ],
    [
      'Pending',
      'an init container failed and runs again',
      {pod: pod({initContainers: [init]}), runtime: one(exited('init', 1))},
    ],
    [
      'Running',
      'containers run beside a sidecar',
      {pod: pod({initContainers: [proxy]}), runtime: one(record('proxy'), record('main'))},
    ],
    [
      'Pending',
      'a sidecar has not started yet',
      {pod: pod({initContainers: [{...proxy, startupProbe: {}}]}), runtime: one(record('proxy'))},
    ],
    [
      'Running',
      'a terminal phase waits for what still runs',
      {
        pod: pod({...never, initContainers: [proxy]}),
        runtime: one(record('proxy'), exited('main')),
        status: {phase: 'Running'},
      },
    ],
    ['Succeeded', 'a phase in the API stays terminal', {pod: {...pod(), status: {phase: 'Succeeded'}}}],
    [
      'Failed',
      'a deleted pod never began',
      {pod: pod({}, deleted), runtime: {sandboxes: [], containers: []}},
    ],
    ['Running', 'a deleted pod still runs', {pod: pod({}, deleted), status: {phase: 'Running'}}],
    ['Succeeded', 'a deleted pod has ended well', {pod: pod({}, deleted), runtime: one(exited('main'))}],
  ])('is %s when %s', (expected, _, changes) => {
    expect(phase(changes)).toBe(expected);
  });

  it('tells a refused pod with its reason', () => {
    const verdict = {reason: 'OutOfcpu', message: 'Node didn’t have enough', rejected: true} as const;
    expect(statusOf({verdict, runtime: {sandboxes: [], containers: []}})).toMatchObject({
      phase: 'Failed',
      reason: 'OutOfcpu',
      message: 'Pod was rejected: Node didn’t have enough',
    });
  });

  it('says nothing of a refused pod’s readiness, and leaves what others say', () => {
    const verdict = {reason: 'OutOfcpu', message: 'none', rejected: true} as const;
    const conditions = ['PodScheduled', 'example.com/gate'].map((type) => ({type, status: 'True'}));
    const refused = {...pod(), status: {phase: 'Pending', conditions}};
    const status = statusOf({pod: refused, verdict, runtime: {sandboxes: [], containers: []}});
    expect(status?.conditions?.map(({type}) => type)).toEqual(['example.com/gate']);
    expect(statusPatch(refused.status, status ?? {})).toMatchObject({
      conditions: [{$patch: 'delete', type: 'PodScheduled'}],
    });
  });

  it('tells an eviction and its condition when nothing runs any more', () => {
    const verdict = {reason: 'Evicted', message: 'low on memory', disruption: 'TerminationByKubelet'};
    expect(statusOf({verdict, status: {phase: 'Running'}})).toMatchObject({phase: 'Running'});
    expect(conditionOf({verdict}, 'DisruptionTarget')).toBeUndefined();
    const ended = {verdict, runtime: one(exited('main', 137))};
    expect(conditionOf(ended, 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'TerminationByKubelet',
    });
    expect(statusOf(ended)).toMatchObject({
      phase: 'Failed',
      reason: 'Evicted',
    });
  });

  it.each<[string, Partial<PodSeen>, string | undefined]>([
    ['stays with its phase', {status: {phase: 'Running', reason: 'Test'}}, 'Test'],
    ['goes with its phase', {status: {phase: 'Pending', reason: 'Test'}}, undefined],
    [
      'of somebody else stays too',
      {pod: {...pod(), status: {phase: 'Running', reason: 'Theirs'}}, status: {phase: 'Running'}},
      'Theirs',
    ],
  ])('has a reason that %s', (_, changes, reason) => {
    expect(statusOf(changes)?.reason).toBe(reason);
  });

  describe('of a pod that is made to go', () => {
    const verdict = {reason: 'Preempting', message: 'for another', disruption: 'TerminationByKubelet'};
    const static_ = {isStatic: true};
    const nothing = {sandboxes: [], containers: []};
    const table: Record<string, [string, string | undefined, Partial<PodSeen>]> = {
      'ended well': ['Succeeded', undefined, {runtime: one(exited('main'))}],
      'ended badly': ['Failed', 'Preempting', {runtime: one(exited('main', 1))}],
      'never began': ['Failed', 'Preempting', {runtime: nothing}],
      'static, ended well': ['Failed', 'Preempting', {...static_, runtime: one(exited('main'))}],
    };
    it.each(Object.entries(table))('%s', (_, [expected, reason, changes]) => {
      const status = statusOf({verdict, ...changes});
      expect({phase: status?.phase, reason: status?.reason}).toEqual({phase: expected, reason});
      expect(conditionOf({verdict, ...changes}, 'DisruptionTarget')).toMatchObject({status: 'True'});
      expect(conditionOf({verdict, ...changes}, 'Ready')?.status).toBe('False');
      const again = statusOf({verdict, ...changes, status});
      expect({phase: again?.phase, reason: again?.reason}).toEqual({phase: expected, reason});
    });

    it('is ready while its containers serve', () => {
      expect(conditionOf({verdict}, 'Ready')?.status).toBe('True');
    });

    it('has failed by its deadline, however it ends', () => {
      const late = {...pod({activeDeadlineSeconds: 5}), status: {startTime: '2026-01-01T00:09:00Z'}};
      expect(statusOf({pod: late, runtime: one(exited('main'))})).toMatchObject({
        phase: 'Failed',
        reason: 'DeadlineExceeded',
      });
      expect(conditionOf({pod: late}, 'Ready')).toMatchObject({status: 'False', reason: 'PodFailed'});
    });
  });
});

describe('a container’s status', () => {
  it('runs: ready and started without probes', () => {
    expect(main({})).toMatchObject({
      ready: true,
      started: true,
      containerID: 'containerd://main-0',
      imageID: 'sha256:main',
      state: {running: {startedAt: '2026-01-01T00:09:10Z'}},
    });
  });

  it('is not ready before its readiness probe, nor started before its startup probe', () => {
    const probed = pod({containers: [container('main', {readinessProbe: {}, startupProbe: {}})]});
    const results = (startup: 'unknown' | 'success', readiness: 'failure' | 'success') =>
      main({pod: probed, probes: new Map([['main-0', {startup, readiness}]])});
    expect(results('unknown', 'success')).toMatchObject({started: false, ready: false});
    expect(results('success', 'failure')).toMatchObject({started: true, ready: false});
    expect(results('success', 'success')).toMatchObject({started: true, ready: true});
  });

  it('waits, with its reason and its last end, while it may not be started', () => {
    const status = main({
      runtime: one(exited('main', 2, {id: 'main-1', attempt: 1}), exited('main', 1)),
      crashes: new Map([['main', {delayMs: 20_000, remainingMs: 5_000}]]),
    });
    expect(status).toMatchObject({
      restartCount: 1,
      ready: false,
      state: {waiting: {reason: 'CrashLoopBackOff'}},
      lastState: {terminated: {exitCode: 2, containerID: 'containerd://main-1'}},
    });
    expect(status?.state?.waiting?.message).toBe(
      'back-off 20s restarting failed container=main pod=web_default(uid-1)',
    );
  });

  it('remembers its last run in lastState', () => {
    const runtime = one(record('main', {id: 'main-1', attempt: 1}), exited('main', 3));
    expect(main({runtime})).toMatchObject({restartCount: 1, lastState: {terminated: {exitCode: 3}}});
  });

  it('keeps lastState and count when the runtime has lost the last run', () => {
    const before = {
      name: 'main',
      image: '',
      imageID: '',
      ready: true,
      restartCount: 4,
      containerID: 'containerd://main-1',
      lastState: {terminated: {exitCode: 9}},
      state: {running: {}},
    };
    const runtime = one(record('main', {id: 'main-1', attempt: 4}));
    expect(main({runtime, status: {containerStatuses: [before]}})).toMatchObject({
      restartCount: 4,
      lastState: {terminated: {exitCode: 9}},
    });
  });

  it('keeps the last words of a run that were told once', () => {
    const told = {exitCode: 1, message: 'last words', containerID: 'containerd://main-0'};
    const before = {
      name: 'main',
      image: '',
      imageID: '',
      ready: false,
      restartCount: 0,
      containerID: 'containerd://main-0',
      state: {terminated: told},
    };
    const status = {phase: 'Failed', containerStatuses: [before]};
    const ended = main({pod: pod({restartPolicy: 'Never'}), runtime: one(exited('main', 1)), status});
    expect(ended?.state?.terminated).toEqual(told);
  });

  it('is lost with 137 when it ran and cannot be found', () => {
    const before = {name: 'main', image: '', imageID: '', ready: true, restartCount: 0, state: {running: {}}};
    const status = main({runtime: one(), status: {phase: 'Running', containerStatuses: [before]}});
    expect(status).toMatchObject({
      restartCount: 1,
      lastState: {terminated: {exitCode: 137, reason: 'ContainerStatusUnknown'}},
    });
    expect(phase({runtime: one(), status: {phase: 'Running', containerStatuses: [before]}})).toBe('Running');
  });

  it('says PodInitializing behind init containers, ContainerCreating without', () => {
    const none = {sandboxes: [], containers: []};
    expect(main({runtime: none})?.state?.waiting?.reason).toBe('ContainerCreating');
    const status = main({pod: pod({initContainers: [init]}), runtime: none});
    expect(status?.state?.waiting?.reason).toBe('PodInitializing');
  });

  it('takes a forgotten init container for completed once its pod has begun', () => {
    const status = statusOf({pod: pod({initContainers: [init]}), runtime: one(record('main'))});
    expect(status?.initContainerStatuses?.[0]).toMatchObject({
      ready: true,
      state: {terminated: {exitCode: 0, reason: 'Completed'}},
    });
  });

  it.each([
    [false, 'as the API has it'],
    [true, 'Unable to get init container status'],
  ])('a forgotten init container of a static pod is known by its mirror only: %s', (isStatic, message) => {
    const ended = {exitCode: 0, reason: 'Completed', message: 'as the API has it'};
    const told = {name: 'init', state: {terminated: ended}, image: '', imageID: '', ready: true};
    const status = statusOf({
      isStatic,
      pod: pod({initContainers: [init]}),
      runtime: one(record('main')),
      status: {initContainerStatuses: [{...told, restartCount: 0}]},
    });
    const state = status?.initContainerStatuses?.[0]?.state?.terminated;
    expect(state).toMatchObject({exitCode: 0, reason: 'Completed'});
    expect(state?.message).toContain(message);
  });
});

describe('conditions', () => {
  it('are all True while all is well, with the generation', () => {
    for (const type of [
      'PodReadyToStartContainers',
      'Initialized',
      'Ready',
      'ContainersReady',
      'PodScheduled',
    ])
      expect(conditionOf({}, type)).toMatchObject({status: 'True', observedGeneration: 1});
  });

  it.each<[string, Partial<PodSeen>, string]>([
    ['while a volume is missing', {volumes: {state: 'failed', message: '', retryInMs: 0}}, 'False'],
    ['when all are there', {volumes: {state: 'ready'}}, 'True'],
    [
      'while a kubelet that was restarted looks at them again',
      {
        volumes: {state: 'preparing'},
        status: {conditions: [{type: 'PodReadyToStartContainers', status: 'True'}]},
      },
      'True',
    ],
  ])('are ready to start containers, or not: %s (e2e_node, pod_conditions_test.go)', (_, changes, status) => {
    const runtime = {sandboxes: [sandbox()], containers: []};
    expect(conditionOf({runtime, ...changes}, 'PodReadyToStartContainers')).toMatchObject({status});
  });

  it('name the containers that are not ready', () => {
    expect(conditionOf({runtime: one()}, 'ContainersReady')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [main]',
    });
  });

  it('wait for readiness gates', () => {
    const gated = pod({readinessGates: [{conditionType: 'lb'}]});
    expect(conditionOf({pod: gated}, 'Ready')).toMatchObject({reason: 'ReadinessGatesNotReady'});
    const open = {...gated, status: {conditions: [{type: 'lb', status: 'True'}]}};
    expect(conditionOf({pod: open}, 'Ready')).toMatchObject({status: 'True'});
  });

  it('keep the others’ and their own transition times', () => {
    const lastTransitionTime = '2025-12-31T00:00:00Z';
    const old = [{type: 'Ready', status: 'True', lastTransitionTime}];
    const foreign = [{type: 'example.com/x', status: 'False'}];
    const changes = {pod: {...pod(), status: {conditions: foreign}}, status: {conditions: old}};
    expect(conditionOf(changes, 'Ready')?.lastTransitionTime).toBe(lastTransitionTime);
    expect(conditionOf(changes, 'ContainersReady')?.lastTransitionTime).toBe('2026-01-01T00:10:00Z');
    expect(conditionOf(changes, 'example.com/x')).toEqual(foreign[0]);
  });

  it('say how a pod ended', () => {
    const job = pod({restartPolicy: 'Never'});
    expect(conditionOf({pod: job, runtime: one(exited('main'))}, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PodCompleted',
    });
    expect(conditionOf({pod: job, runtime: one(exited('main', 1))}, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PodFailed',
    });
  });
});

describe('addresses', () => {
  it('are the sandbox’s, in the order of the node’s families', () => {
    const ips = ['10.0.0.7', 'fd00::7'];
    const runtime = {sandboxes: [sandbox({ips})], containers: [record('main')]};
    expect(statusOf({runtime})).toMatchObject({
      podIP: '10.0.0.7',
      podIPs: [{ip: '10.0.0.7'}, {ip: 'fd00::7'}],
    });
    expect(statusOf({runtime, hostIps: ['fd00::1']})?.podIP).toBe('fd00::7');
  });

  it('are the host’s on the host network', () => {
    const runtime = {sandboxes: [sandbox({hostNetwork: true, ips: []})], containers: [record('main')]};
    expect(statusOf({pod: pod({hostNetwork: true}), runtime})).toMatchObject({
      podIP: '192.0.2.1',
      hostIP: '192.0.2.1',
    });
  });

  it('stay after the sandbox is gone', () => {
    const runtime = {sandboxes: [sandbox({ready: false})], containers: [exited('main')]};
    const status = {podIPs: [{ip: '10.0.0.7'}]};
    expect(statusOf({pod: pod({restartPolicy: 'Never'}), runtime, status})?.podIP).toBe('10.0.0.7');
  });
});

it('computes the same status again from the same world', () => {
  const first = statusOf({});
  expect(statusOf({nowMs: nowMs + 60_000, status: first})).toEqual(first);
});
