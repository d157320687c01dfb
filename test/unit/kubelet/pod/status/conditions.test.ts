import {describe, expect, it} from 'vitest';
import {
  type Condition,
  type ConditionInput,
  podConditions,
} from '../../../../../src/kubelet/pod/status/conditions.ts';
import type {ContainerStatus, PodSpec} from '../../../../../src/lib/kubernetes.ts';
import {container, nowMs, pod} from '../fixtures.ts';

/** Kubernetes' own cases of the pod's conditions (status/generate_test.go), by their meaning. */
const states: Record<string, Partial<ContainerStatus>> = {
  ready: {ready: true},
  unready: {ready: false},
  started: {started: true},
  unstarted: {started: false},
  running: {state: {running: {}}},
  waiting: {state: {waiting: {}}},
  ended: {state: {terminated: {exitCode: 0}}},
};

function statuses(text: string): ContainerStatus[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [name = '', state = ''] = word.split(':');
      return {name, image: '', imageID: '', ready: false, restartCount: 0, ...states[state]};
    });
}

type Case = {
  readonly spec?: Partial<PodSpec>;
  readonly has: string;
  readonly phase?: string;
  readonly old?: readonly Condition[];
  readonly others?: readonly Condition[];
  readonly more?: Partial<ConditionInput>;
  /** `True`, or `False reason message`. */
  readonly is: string;
};

function told(type: string, {spec, has, phase = 'Running', old = [], others = [], more}: Case): string {
  const conditions = podConditions({
    pod: {...pod({containers: [], ...spec}), status: {conditions: [...others]}},
    nowMs,
    phase,
    statuses: statuses(has),
    readyToStart: true,
    restartingAll: false,
    old,
    resize: [],
    ...more,
  });
  const {status, reason, message} = conditions.find((one) => one.type === type) ?? {status: 'none'};
  return [status, reason, message].filter((word) => word !== undefined).join(' ');
}

const check = (type: string, cases: Readonly<Record<string, Case>>) =>
  it.each(Object.entries(cases))('%s', (_, one) => {
    expect(told(type, one)).toBe(one.is);
  });

const [a, b] = [container('a'), container('b')];
const two = {containers: [a, b]};
const sidecar = (name: string) => container(name, {restartPolicy: 'Always'});
const beside = {containers: [a], initContainers: [sidecar('x'), sidecar('y')]};
const notReady = 'False ContainersNotReady containers with';

const containersReady: Record<string, Case> = {
  nothing: {has: '', is: 'True'},
  'one that is not known': {spec: {containers: [a]}, has: '', is: `${notReady} unknown status: [a]`},
  'both are ready': {spec: two, has: 'a:ready b:ready', is: 'True'},
  'one of two is not known': {spec: two, has: 'a:ready', is: `${notReady} unknown status: [b]`},
  'one of two is not ready': {spec: two, has: 'a:ready b:unready', is: `${notReady} unready status: [b]`},
  'ended well': {spec: {containers: [a]}, has: 'a:unready', phase: 'Succeeded', is: 'False PodCompleted'},
  failed: {spec: two, has: 'a:ready', phase: 'Failed', is: 'False PodFailed'},
  'sidecars are ready': {spec: beside, has: 'x:ready y:ready a:ready', is: 'True'},
  'a sidecar is not known': {spec: beside, has: 'x:ready a:ready', is: `${notReady} unknown status: [y]`},
  'a sidecar is not ready': {
    spec: beside,
    has: 'x:ready y:unready a:ready',
    is: `${notReady} unready status: [y]`,
  },
};

describe('ContainersReady', () => check('ContainersReady', containersReady));

describe('Ready', () => {
  check('Ready', containersReady);
  const gates = (...types: string[]): Partial<PodSpec> => ({
    readinessGates: types.map((conditionType) => ({conditionType})),
  });
  const gate = (type: string, status: string): Condition => ({type, status});
  const absent = (type: string) =>
    `False ReadinessGatesNotReady corresponding condition of pod readiness gate "${type}" does not exist.`;
  const shut = (type: string) =>
    `False ReadinessGatesNotReady the status of pod readiness gate "${type}" is not "True", but False`;
  check('Ready', {
    'a gate without a condition': {spec: gates('g'), has: '', is: absent('g')},
    'a gate that is shut': {spec: gates('g'), has: '', others: [gate('g', 'False')], is: shut('g')},
    'a gate that is open': {spec: gates('g'), has: '', others: [gate('g', 'True')], is: 'True'},
    'one of two is absent': {spec: gates('g', 'h'), has: '', others: [gate('g', 'True')], is: absent('h')},
    'one of two is shut': {
      spec: gates('g', 'h'),
      has: '',
      others: [gate('g', 'True'), gate('h', 'False')],
      is: shut('h'),
    },
    'both are open': {
      spec: gates('g', 'h'),
      has: '',
      others: [gate('g', 'True'), gate('h', 'True')],
      is: 'True',
    },
    'open before an unready container': {
      spec: {...gates('g'), containers: [a]},
      has: 'a:unready',
      others: [gate('g', 'True')],
      is: `${notReady} unready status: [a]`,
    },
  });
});

describe('Initialized', () => {
  const init = (...names: string[]) => ({
    containers: [a],
    initContainers: names.map((name) => container(name)),
  });
  const restartable = {containers: [a], initContainers: [sidecar('x')]};
  const not = 'False ContainersNotInitialized containers with';
  const was: Condition[] = [{type: 'Initialized', status: 'True'}];
  check('Initialized', {
    'none is needed': {spec: {containers: [a]}, has: '', is: 'True'},
    'one that is not known': {spec: init('x'), has: '', is: `${not} unknown status: [x]`},
    'both are done': {spec: init('x', 'y'), has: 'x:ready y:ready', is: 'True'},
    'one of two is not known': {spec: init('x', 'y'), has: 'x:ready', is: `${not} unknown status: [y]`},
    'one of two is not done': {
      spec: init('x', 'y'),
      has: 'x:ready y:unready',
      is: `${not} incomplete status: [y]`,
    },
    'ended well': {spec: init('x'), has: 'x:ready', phase: 'Succeeded', is: 'True PodCompleted'},
    'a sidecar has not started': {
      spec: restartable,
      has: 'x:unstarted',
      phase: 'Pending',
      is: `${not} incomplete status: [x]`,
    },
    'a sidecar has started': {spec: restartable, has: 'x:started', is: 'True'},
    'a sidecar starts again beside a container': {
      spec: restartable,
      has: 'x:unstarted a:running',
      is: 'True',
    },
    'its container has ended': {spec: init('x'), has: 'x:waiting a:ended', is: 'True'},
    'once is for ever': {spec: init('x'), has: 'x:waiting', old: was, is: 'True'},
    'also when the pod failed': {spec: init('x'), has: 'x:unready', old: was, phase: 'Failed', is: 'True'},
  });
});

describe('PodReadyToStartContainers', () => {
  check('PodReadyToStartContainers', {
    'the sandbox stands': {has: '', is: 'True'},
    'it does not': {has: '', more: {readyToStart: false}, is: 'False'},
  });
});

describe('AllContainersRestarting', () => {
  const rules = {restartPolicyRules: [{action: 'RestartAllContainers'}]};
  const spec = {containers: [container('a', {restartPolicy: 'Never', ...rules})]};
  check('AllContainersRestarting', {
    'not without such a rule': {spec: {containers: [a]}, has: '', is: 'none'},
    'not asked for': {spec, has: '', is: 'False'},
    'asked for': {
      spec,
      has: '',
      more: {restartingAll: true},
      is: 'True RestartAllContainersStarted container exited with restart policy rule',
    },
    'ended well': {spec, has: '', phase: 'Succeeded', more: {restartingAll: true}, is: 'False PodCompleted'},
    failed: {spec, has: '', phase: 'Failed', more: {restartingAll: true}, is: 'False PodFailed'},
  });
});
