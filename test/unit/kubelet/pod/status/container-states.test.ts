import {describe, expect, it} from 'vitest';
import {decidePod} from '../../../../../src/kubelet/pod/actions/decide.ts';
import {restartsByLogs} from '../../../../../src/kubelet/pod/config/restarts-by-logs.ts';
import type {PodSeen} from '../../../../../src/kubelet/pod/seen.ts';
import {containerStatuses} from '../../../../../src/kubelet/pod/status/container-states.ts';
import type {RuntimeContainer} from '../../../../../src/kubelet/pod/status/runtime-state.ts';
import type {ContainerStatus, PodSpec, PodStatus} from '../../../../../src/lib/kubernetes.ts';
import {container, exited, pod, record, sandbox, seen} from '../fixtures.ts';

/** Kubernetes' own cases of convertToAPIContainerStatuses (kubelet_pods_test.go), by their meaning. */
const rules = {
  restartPolicyRules: [{action: 'RestartAllContainers', exitCodes: {operator: 'In', values: [42]}}],
};
const both: Partial<PodSpec> = {
  containers: [container('a'), container('b', {restartPolicy: 'Always', ...rules})],
};
const restarting: PodStatus['conditions'] = [{type: 'AllContainersRestarting', status: 'True'}];

/** A status as it was told, in a word: `run`, `exit1`, `anew`. */
function told(name: string, word: string, restartCount = 0): ContainerStatus {
  const base = {
    name,
    image: '',
    imageID: '',
    ready: false,
    restartCount,
    containerID: `containerd://${name}-old`,
  };
  if (word === 'run') return {...base, state: {running: {}}};
  if (word === 'wait') return {...base, state: {waiting: {}}};
  const exitCode = Number(word.replace('exit', ''));
  if (word === 'anew')
    return {
      ...base,
      state: {waiting: {reason: 'RestartingAllContainers'}},
      lastState: {terminated: {exitCode: 137, reason: 'RestartingAllContainers'}},
    };
  return {...base, state: {terminated: {exitCode, containerID: base.containerID}}};
}

/** `run`, `exit1`, `waiting Reason`, with `< what was before` and `#restarts`. */
function word({state = {}, lastState = {}, restartCount}: ContainerStatus): string {
  const one = ({running, terminated, waiting}: NonNullable<ContainerStatus['state']>) => {
    if (running !== undefined) return 'run';
    if (terminated !== undefined)
      return [`exit${terminated.exitCode}`, terminated.reason].filter((part) => part !== undefined).join(' ');
    return ['waiting', waiting?.reason].filter((part) => part !== undefined).join(' ');
  };
  const before = lastState.terminated === undefined ? '' : ` < ${one(lastState)}`;
  return `${one(state)}${before} #${restartCount}`;
}

type Case = {
  readonly spec?: Partial<PodSpec>;
  readonly deleted?: true;
  readonly has?: readonly RuntimeContainer[];
  readonly before: readonly ContainerStatus[];
  readonly anew?: true;
  readonly seen?: Partial<PodSeen>;
  readonly kind?: 'init' | 'regular' | 'ephemeral';
  readonly is: readonly string[];
};

const lost = 'exit137 ContainerStatusUnknown';
const removed = (count: number) =>
  `waiting RestartingAllContainers < exit137 RestartingAllContainers #${count}`;
const debug: Omit<Case, 'is'> = {
  spec: {ephemeralContainers: [container('debug')]},
  kind: 'ephemeral',
  before: [],
};
const noImage = new Map([['debug', {reason: 'ErrImagePull', message: 'no such image'}]]);

const cases: Record<string, Case> = {
  'both ran and are gone, with the pod': {
    deleted: true,
    before: [told('a', 'run'), told('b', 'run')],
    is: [`waiting ContainerCreating < ${lost} #0`, `waiting ContainerCreating < ${lost} #0`],
  },
  'both ran and are gone': {
    before: [told('a', 'run'), told('b', 'run')],
    is: [`waiting ContainerCreating < ${lost} #1`, `waiting ContainerCreating < ${lost} #1`],
  },
  'what had ended keeps its count': {
    before: [told('a', 'exit1', 5), told('b', 'exit1', 5)],
    is: ['exit1 #5', 'exit1 #5'],
  },
  'a runtime that counts anew': {
    has: [record('a'), record('b')],
    before: [told('a', 'exit1', 5), told('b', 'exit1', 5)],
    is: ['run < exit1 #6', 'run < exit1 #6'],
  },
  'one asks that all begin anew': {
    anew: true,
    has: [record('a'), exited('b', 42)],
    before: [told('a', 'run'), told('b', 'run')],
    is: ['run #0', 'exit42 Error #0'],
  },
  'the other was killed, itself is removed': {
    anew: true,
    has: [exited('a', 137)],
    before: [told('a', 'run'), told('b', 'exit42')],
    is: ['exit137 Error #0', removed(1)],
  },
  'both are removed': {
    anew: true,
    before: [told('a', 'exit137'), told('b', 'exit42')],
    is: [removed(1), removed(1)],
  },
  'the other was killed and removed at once': {
    anew: true,
    before: [told('a', 'run'), told('b', 'exit42')],
    is: [removed(1), removed(1)],
  },
  'the other runs again': {
    anew: true,
    has: [record('a', {id: 'new'})],
    before: [told('a', 'anew', 1), told('b', 'exit42')],
    is: ['run < exit137 RestartingAllContainers #1', removed(1)],
  },
  'the other ran again and has ended': {
    anew: true,
    has: [exited('a')],
    before: [told('a', 'run', 1), told('b', 'exit42')],
    is: ['exit0 Completed #1', removed(1)],
  },
  'a forgotten init container of a pod that runs': {
    spec: {containers: [container('a')], initContainers: [container('x')]},
    kind: 'init',
    has: [record('a')],
    before: [],
    is: ['exit0 Completed #0'],
  },
  'an init container that nobody knows, of a pod whose containers the runtime has lost track of': {
    spec: {containers: [container('a')], initContainers: [container('x')]},
    kind: 'init',
    has: [record('a', {state: 'unknown'})],
    before: [],
    is: ['waiting PodInitializing #0'],
  },
  'a forgotten sidecar of a pod that runs': {
    spec: {containers: [container('a')], initContainers: [container('x', {restartPolicy: 'Always'})]},
    kind: 'init',
    has: [record('a')],
    before: [],
    is: ['waiting PodInitializing #0'],
  },
  // The API server lets no end of theirs be followed by anything else (ValidateContainerStateTransition).
  ...Object.fromEntries(
    (
      [
        ['Never', 0, 'run'],
        ['Never', 137, 'run'],
        ['OnFailure', 0, 'run'],
        ['OnFailure', 137, 'exit137 Error'],
        ['Always', 0, 'exit0 Completed'],
      ] as const
    ).map(([restartPolicy, code, is]): [string, Case] => [
      `a container with ${restartPolicy} that ended with ${code} to be replaced`,
      {
        spec: {containers: [container('a')], restartPolicy},
        has: [exited('a', code)],
        before: [told('a', 'run')],
        seen: {restarting: new Set(['a-0'])},
        is: [`${is} #0`],
      },
    ]),
  ),
  'a container to be replaced whose new image cannot be had': {
    spec: {containers: [container('a')], restartPolicy: 'Never'},
    has: [exited('a')],
    before: [told('a', 'run')],
    seen: {
      restarting: new Set(['a-0']),
      startFailures: new Map([['a', {reason: 'ErrImagePull', message: 'no such image'}]]),
    },
    is: ['waiting ErrImagePull #0'],
  },
  'a container that has been replaced': {
    spec: {containers: [container('a')], restartPolicy: 'Never'},
    has: [record('a', {id: 'a-1', attempt: 1}), exited('a')],
    before: [told('a', 'run')],
    seen: {restarting: new Set(['a-0'])},
    is: ['run < exit0 Completed #1'],
  },
  'an ephemeral container that has not started': {...debug, is: ['waiting ContainerCreating #0']},
  'an ephemeral container without its image': {
    ...debug,
    seen: {startFailures: noImage},
    is: ['waiting ErrImagePull #0'],
  },
  'an ephemeral container that has ended': {
    ...debug,
    has: [exited('debug', 1)],
    seen: {startFailures: noImage},
    is: ['exit1 Error #0'],
  },
};

describe('container statuses', () => {
  it.each(Object.entries(cases))('%s', (_, one) => {
    const {kind = 'regular', before, has = [], anew} = one;
    const object = pod(
      {...both, ...one.spec},
      one.deleted ? {deletionTimestamp: '2026-01-01T00:00:00Z'} : {},
    );
    const list = {init: 'initContainerStatuses', regular: 'containerStatuses'} as const;
    const key = kind === 'ephemeral' ? 'ephemeralContainerStatuses' : list[kind];
    const world = seen({
      pod: object,
      runtime: {sandboxes: [sandbox()], containers: has},
      status: {[key]: [...before], ...(anew ? {conditions: restarting} : {})},
      ...one.seen,
    });
    expect(containerStatuses(world, object, kind).map(word)).toEqual(one.is);
  });
});

describe('the number of the next run', () => {
  const attempt = (status: ContainerStatus) => {
    const world = seen({
      runtime: {sandboxes: [sandbox()], containers: []},
      status: {containerStatuses: [status]},
    });
    return decidePod(world).acts.flatMap((act) => (act.do === 'start' ? [act.attempt] : []));
  };

  it('follows an end that only the status knows', () => {
    expect(attempt(told('main', 'exit1', 5))).toEqual([6]);
    expect(attempt(told('main', 'anew', 5))).toEqual([5]);
    expect(attempt(told('main', 'wait'))).toEqual([0]);
  });

  it.each<[number, string[]]>([
    [1, ['0.log.rotated-log']],
    [1, ['0.log']],
    [3, ['0.log', '1.log', '2.log']],
    [3, ['0.log.rotated', '1.log', '2.log']],
    [7, ['5.log.rotated', '6.log.rotated']],
    [8, ['5.log.rotated', '6.log', '7.log']],
    [0, []],
    [0, ['a.log.rotated', 'b.log.rotated', '12log.rotated']],
    [146, ['145.log.log.rotated']],
    [0, ['92233720368547758089223372036854775808.log.rotated']],
    [
      24,
      ['9223372036854775808.log.rotated', '23.log', '23a.log', '1aaa.log.rotated', '2.log', '3.log.rotated'],
    ],
    [0, ['rotated.23.log']],
    [0, ['mylog42.log']],
    [0, ['-42.log']],
    [7, ['6.log', '6.log.rotated', '6.log.rotated.rotated']],
  ])('is %i after the logs %j (TestRestartCountByLogDir)', (count, names) => {
    expect(restartsByLogs(names)).toBe(count);
  });
});

describe('addresses on the host network', () => {
  it.each<[string[], string[], string[]]>([
    [['10.0.0.1'], [], ['10.0.0.1']],
    [['10.0.0.1', 'fd01::1234'], [], ['10.0.0.1', 'fd01::1234']],
    [['10.0.0.1', 'fd01::1234'], ['192.168.0.1'], ['192.168.0.1', 'fd01::1234']],
    [
      ['10.0.0.1', 'fd01::1234'],
      ['2001:db8::2', '192.168.0.1'],
      ['192.168.0.1', '2001:db8::2'],
    ],
    [['10.0.0.1', '2001:db8::2'], ['2001:db8::2'], ['2001:db8::2']],
    [
      ['1.1.1.1', '2001:db8:1::2'],
      ['10.0.0.1', '2001:db8::2'],
      ['10.0.0.1', '2001:db8::2'],
    ],
  ])('%j, with %j of the runtime, are %j (TestGenerateAPIPodStatusHostNetworkPodIPs)', (hostIps, own, is) => {
    const runtime = {sandboxes: [sandbox({ips: own, hostNetwork: true})], containers: [record('main')]};
    const {status} = decidePod(seen({pod: pod({hostNetwork: true}), runtime, hostIps}));
    expect(status?.podIPs?.map(({ip}) => ip)).toEqual(is);
  });
});

describe('addresses', () => {
  const ips = (hostIp: string, ...own: string[]) =>
    decidePod(
      seen({runtime: {sandboxes: [sandbox({ips: own})], containers: []}, hostIps: [hostIp]}),
    ).status?.podIPs?.map(({ip}) => ip);

  it.each<[string, string[], string[]]>([
    ['192.0.2.1', ['10.0.0.1'], ['10.0.0.1']],
    ['192.0.2.1', ['fd01::1', '10.0.0.1'], ['10.0.0.1', 'fd01::1']],
    ['fd00::5', ['10.0.0.1', 'fd01::1'], ['fd01::1', '10.0.0.1']],
    ['fd00::5', ['10.0.0.1'], ['10.0.0.1']],
    ['192.0.2.1', ['10.0.0.1', '10.0.0.2', '10.0.0.3'], ['10.0.0.1']],
    ['192.0.2.1', ['10.0.0.1', '10.0.0.2', 'fd01::1', '10.0.0.3', 'fd01::2'], ['10.0.0.1', 'fd01::1']],
  ])('on node %s of %j are %j (TestSortPodIPs)', (hostIp, own, wanted) => {
    expect(ips(hostIp, ...own)).toEqual(wanted);
  });
});
