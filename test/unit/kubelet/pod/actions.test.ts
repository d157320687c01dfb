import {describe, expect, it} from 'vitest';
import type {ActionsInput} from '../../../../src/kubelet/pod/actions/action-types.ts';
import {podActions} from '../../../../src/kubelet/pod/actions/actions.ts';
import type {ProbesSeen} from '../../../../src/kubelet/pod/seen.ts';
import type {RuntimeContainer, RuntimeSandbox} from '../../../../src/kubelet/pod/status/runtime-state.ts';
import type {Container, PodSpec} from '../../../../src/lib/kubernetes.ts';
import {container, exited, pod, record, sandbox} from './fixtures.ts';

/** Kubernetes' own cases of computePodActions (kuberuntime_manager_test.go), by their meaning. */
type Case = {
  readonly spec?: Partial<PodSpec>;
  readonly sandbox?: Partial<RuntimeSandbox> | null;
  readonly has: readonly RuntimeContainer[];
  readonly probes?: Readonly<Record<string, ProbesSeen>>;
  readonly is: string;
};

const names = ({kills}: {kills: ReturnType<typeof podActions>['kills']}) => kills.map((k) => k.container.id);

/** `end`, or what is done in one line: `sandbox#1 kill b-0 start a b`. */
function told(input: ActionsInput): string {
  const actions = podActions(input);
  if (actions.done) return 'end';
  const words = [
    ...(actions.sandbox === undefined ? [] : [`sandbox#${actions.sandbox.attempt}`]),
    ...(actions.kills.length === 0 ? [] : ['kill', ...names(actions)]),
    ...(actions.starts.length === 0 ? [] : ['start', ...actions.starts.map((s) => s.container.name)]),
  ];
  return words.length === 0 ? 'nothing' : words.join(' ');
}

const dead = {ready: false};
const created = (name: string) => record(name, {state: 'created'});
const unknown = (name: string) => record(name, {state: 'unknown'});
const changed = (name: string) =>
  record(name, {annotations: {'io.kubernetes.container.hash': 'of-something-else'}});

function check(base: Partial<PodSpec>, cases: Readonly<Record<string, Case>>): void {
  it.each(Object.entries(cases))('%s', (_, {spec, sandbox: one, has, probes = {}, is}) => {
    const input = {
      pod: pod({...base, ...spec}),
      runtime: {sandboxes: one === null ? [] : [sandbox(one)], containers: has},
      probes: new Map(Object.entries(probes)),
      actuated: undefined,
      restarting: new Set<string>(),
    };
    expect(told(input)).toBe(is);
  });
}

const regular = [container('a'), container('b'), container('c')];
const all = [record('a'), record('b'), record('c')];
const always = {restartPolicy: 'Always'};
const onFailure = {restartPolicy: 'OnFailure'};
const never = {restartPolicy: 'Never'};

describe('regular containers', () => {
  check(
    {containers: regular},
    {
      'all is well': {has: all, is: 'nothing'},
      'a new pod': {sandbox: null, has: [], is: 'sandbox#0 start a b c'},
      'Always starts what has ended': {
        spec: always,
        has: [exited('a'), exited('b', 111), record('c')],
        is: 'start a b',
      },
      'OnFailure starts what has failed': {
        spec: onFailure,
        has: [exited('a'), exited('b', 111), record('c')],
        is: 'start b',
      },
      'OnFailure starts what was made and never started': {
        spec: onFailure,
        has: [exited('a'), created('b'), record('c')],
        is: 'start b',
      },
      'Never starts nothing again': {
        spec: never,
        has: [exited('a'), exited('b', 111), record('c')],
        is: 'nothing',
      },
      'a dead sandbox takes everything with it': {
        spec: always,
        sandbox: dead,
        has: all,
        is: 'sandbox#1 start a b c',
      },
      'but what succeeded under OnFailure': {
        spec: onFailure,
        sandbox: dead,
        has: [record('a'), exited('b'), record('c')],
        is: 'sandbox#1 start a c',
      },
      'a sandbox without an address': {sandbox: {ips: []}, has: all, is: 'sandbox#1 start a b c'},
      'a changed container': {
        spec: always,
        has: [record('a'), changed('b'), record('c')],
        is: 'kill b-0 start b',
      },
      'a failed liveness probe': {
        spec: always,
        has: all,
        probes: {'b-0': {liveness: 'failure'}},
        is: 'kill b-0 start b',
      },
      'a failed startup probe': {
        spec: always,
        has: all,
        probes: {'b-0': {startup: 'failure'}},
        is: 'kill b-0 start b',
      },
      'a failed probe under Never': {
        spec: never,
        has: all,
        probes: {'b-0': {liveness: 'failure'}},
        is: 'kill b-0',
      },
      'no sandbox for what Never leaves ended': {
        spec: never,
        sandbox: {ready: false, attempt: 1},
        has: [exited('a'), exited('b'), exited('c')],
        is: 'end',
      },
      'no sandbox for what has succeeded under OnFailure': {
        spec: onFailure,
        sandbox: {ready: false, attempt: 1},
        has: [exited('a'), exited('b'), exited('c')],
        is: 'end',
      },
      'a sandbox under Never where nothing was ever made': {
        spec: never,
        sandbox: {ready: false, attempt: 2},
        has: [],
        is: 'sandbox#3 start a b c',
      },
      'what is unknown is ended first': {
        spec: never,
        has: [record('a'), unknown('b'), record('c')],
        is: 'kill b-0 start b',
      },
      'what was made is started also under Never': {
        spec: never,
        has: [record('a'), created('b'), record('c')],
        is: 'start b',
      },
    },
  );
});

describe('containers with a restart policy of their own', () => {
  const own = (a: string | undefined, b: string) => [
    container('a', a === undefined ? {} : {restartPolicy: a}),
    container('b', {restartPolicy: b}),
    container('c'),
  ];
  const ended = [exited('a'), exited('b', 111), record('c')];
  check(
    {},
    {
      'Always in a pod that never restarts': {
        spec: {...never, containers: own('Always', 'Always')},
        has: ended,
        is: 'start a b',
      },
      'OnFailure in a pod that never restarts': {
        spec: {...never, containers: own('OnFailure', 'OnFailure')},
        has: ended,
        is: 'start b',
      },
      'OnFailure, made and never started': {
        spec: {...never, containers: own('OnFailure', 'OnFailure')},
        has: [exited('a'), created('b'), record('c')],
        is: 'start b',
      },
      'Never in a pod that always restarts': {
        spec: {...always, containers: own('Never', 'Never')},
        has: ended,
        is: 'nothing',
      },
      'a dead sandbox, and success under an own OnFailure': {
        spec: {...always, containers: own(undefined, 'OnFailure')},
        sandbox: dead,
        has: [record('a'), exited('b'), record('c')],
        is: 'sandbox#1 start a c',
      },
      'a failed probe, by the own policy': {
        spec: {...never, containers: own('Always', 'Never')},
        has: all,
        probes: {'a-0': {liveness: 'failure'}, 'b-0': {liveness: 'failure'}},
        is: 'kill a-0 b-0 start a',
      },
    },
  );
});

describe('init containers', () => {
  const spec = {containers: regular, initContainers: [container('x'), container('y'), container('z')]};
  const done = [exited('x'), exited('y'), exited('z')];
  const last = (z: RuntimeContainer) => [exited('x'), exited('y'), z];
  check(spec, {
    'all have done their part': {has: done, is: 'start a b c'},
    'none was started': {has: [], is: 'start x'},
    'one runs': {spec: always, has: last(record('z')), is: 'nothing'},
    'begin anew in a new sandbox': {spec: always, sandbox: dead, has: done, is: 'sandbox#1 start x'},
    'one failed, Always': {spec: always, has: last(exited('z', 137)), is: 'start z'},
    'one failed, OnFailure': {spec: onFailure, has: last(exited('z', 137)), is: 'start z'},
    'one failed, Never': {spec: never, has: last(exited('z', 137)), is: 'end'},
    'one is unknown, Always': {spec: always, has: last(unknown('z')), is: 'kill z-0 start z'},
    'one is unknown, OnFailure': {spec: onFailure, has: last(unknown('z')), is: 'kill z-0 start z'},
    'one is unknown, Never': {spec: never, has: last(unknown('z')), is: 'end'},
    'a dead sandbox under Never': {spec: never, sandbox: dead, has: done, is: 'end'},
    'a dead sandbox under Never, where nothing was made': {
      spec: never,
      sandbox: dead,
      has: [],
      is: 'sandbox#1 start x',
    },
    'a dead sandbox and a failure under OnFailure': {
      spec: onFailure,
      sandbox: dead,
      has: last(exited('z', 137)),
      is: 'sandbox#1 start x',
    },
    'the runtime has forgotten those before the one that runs': {
      spec: always,
      has: [record('z')],
      is: 'nothing',
    },
    'one was made and never started': {spec: always, has: last(created('z')), is: 'start z'},
  });
});

describe('sidecars', () => {
  const restartable = (name: string, probes = false): Container =>
    container(name, {restartPolicy: 'Always', ...(probes ? {livenessProbe: {}, startupProbe: {}} : {})});
  const sidecars = [restartable('x'), restartable('y', true), restartable('z', true)];
  const good: ProbesSeen = {startup: 'success', liveness: 'success'};
  const probes = {'y-0': good, 'z-0': good};
  const [x, y, z] = [record('x'), record('y'), record('z')];
  const ended = [exited('a'), exited('b'), exited('c')];
  check(
    {containers: regular, initContainers: sidecars},
    {
      'all have started': {has: [x, y, z], probes, is: 'start a b c'},
      'none was started': {has: [], probes, is: 'start x'},
      'one was made and never started': {spec: always, has: [x, y, created('z')], probes, is: 'start z'},
      'one has started, the next follows': {spec: always, has: [x], probes, is: 'start y'},
      'no liveness probe yet: the next follows': {
        spec: always,
        has: [x, y],
        probes: {'y-0': {startup: 'success'}},
        is: 'start z',
      },
      'an undecided liveness probe: the next follows': {
        spec: always,
        has: [x, y],
        probes: {'y-0': {startup: 'success', liveness: 'unknown'}},
        is: 'start z',
      },
      'a good liveness probe: the next follows': {spec: always, has: [x, y], probes, is: 'start z'},
      'a failed liveness probe': {
        spec: always,
        has: [x, y, z],
        probes: {...probes, 'z-0': {startup: 'success', liveness: 'failure'}},
        is: 'kill z-0 start z a b c',
      },
      'no startup probe yet': {spec: always, has: [x, y], is: 'nothing'},
      'an undecided startup probe': {
        spec: always,
        has: [x, y],
        probes: {'y-0': {startup: 'unknown', liveness: 'success'}},
        is: 'nothing',
      },
      'a failed startup probe': {
        spec: always,
        has: [x, y, z],
        probes: {...probes, 'z-0': {startup: 'failure', liveness: 'success'}},
        is: 'kill z-0 start z',
      },
      'a changed one': {spec: always, has: [x, y, changed('z')], probes, is: 'kill z-0 start z a b c'},
      'two have ended': {spec: always, has: [exited('x'), y, exited('z')], probes, is: 'start x z'},
      'the first has ended': {spec: always, has: [exited('x'), y, z], probes, is: 'start x a b c'},
      'a dead sandbox, Never': {
        spec: never,
        sandbox: dead,
        has: [x, y, exited('z', 137)],
        probes,
        is: 'end',
      },
      'a dead sandbox, Never, nothing was made': {
        spec: never,
        sandbox: dead,
        has: [],
        probes,
        is: 'sandbox#1 start x',
      },
      'a dead sandbox, OnFailure': {
        spec: onFailure,
        sandbox: dead,
        has: [x, y, exited('z', 137)],
        probes,
        is: 'sandbox#1 start x',
      },
      'a dead sandbox, Always': {
        spec: always,
        sandbox: dead,
        has: [x, y, exited('z', 137)],
        probes,
        is: 'sandbox#1 start x',
      },
      'one failed, also under Never': {spec: never, has: [x, y, exited('z', 137)], probes, is: 'start z'},
      'one is unknown, also under Never': {
        spec: never,
        has: [x, y, unknown('z')],
        probes,
        is: 'kill z-0 start z',
      },
      'one failed while the others run, Never': {
        spec: never,
        has: [x, y, exited('z', 137), ...all],
        probes,
        is: 'start z',
      },
      'all others have succeeded, Never': {spec: never, has: [x, y, z, ...ended], probes, is: 'end'},
      'the runtime has forgotten some': {spec: always, has: [z], probes, is: 'start x y a b c'},
    },
  );
});

describe('ephemeral containers', () => {
  const debug = {...container('debug'), name: 'debug'};
  const spec = {containers: regular, initContainers: [container('x')], ephemeralContainers: [debug]};
  const has = [...all, exited('x')];
  check(spec, {
    'one runs': {has: [...has, record('debug')], is: 'nothing'},
    'one is new': {has, is: 'start debug'},
    'a second one': {
      spec: {ephemeralContainers: [debug, {...debug, name: 'more'}]},
      has: [...has, record('debug')],
      is: 'start more',
    },
    'one has ended': {spec: always, has: [...has, exited('debug')], is: 'nothing'},
    'beside an init container that runs': {has: [...all, record('x')], is: 'start debug'},
    'not while an init container begins anew with the sandbox': {
      spec: onFailure,
      sandbox: dead,
      has: [exited('x', 137)],
      is: 'sandbox#1 start x',
    },
    'not in a new sandbox': {
      spec: always,
      sandbox: dead,
      has: [...has, record('debug')],
      is: 'sandbox#1 start x',
    },
    'does not keep a pod': {
      spec: never,
      has: [exited('a'), exited('b'), exited('c'), exited('x'), record('debug')],
      is: 'end',
    },
    'an unknown one is left alone': {spec: never, has: [...has, unknown('debug')], is: 'nothing'},
  });
});

it('says of what kind a container is whose state is not known', () => {
  const input = {
    pod: pod({containers: [container('a')], initContainers: [container('x')], restartPolicy: 'Always'}),
    probes: new Map(),
    actuated: undefined,
    restarting: new Set<string>(),
  };
  const words = (...has: RuntimeContainer[]) =>
    podActions({...input, runtime: {sandboxes: [sandbox()], containers: has}}).kills.map((k) => k.message);
  const tried = 'is in "unknown" state, try killing it before restart';
  expect(words(unknown('x'))).toEqual([`Init container ${tried}`]);
  expect(words(exited('x'), unknown('a'))).toEqual([`Container ${tried}`]);
});
