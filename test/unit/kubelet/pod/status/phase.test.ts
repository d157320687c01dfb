import {describe, expect, it} from 'vitest';
import {type PhaseInput, phaseOf} from '../../../../../src/kubelet/pod/status/phase.ts';
import type {Container, ContainerStatus, PodSpec} from '../../../../../src/lib/kubernetes.ts';
import {container} from '../fixtures.ts';

/** Kubernetes' own cases of getPhase (kubelet_pods_test.go), by their meaning. */
const states: Record<string, Partial<ContainerStatus>> = {
  run: {state: {running: {}}},
  started: {state: {running: {}}, started: true},
  ok: {state: {terminated: {exitCode: 0}}},
  fail: {state: {terminated: {exitCode: 1}}},
  exit42: {state: {terminated: {exitCode: 42}}},
  wait: {state: {waiting: {}}},
  wasOk: {state: {waiting: {}}, lastState: {terminated: {exitCode: 0}}},
  wasFail: {state: {waiting: {}}, lastState: {terminated: {exitCode: 1}}},
  anew: {state: {waiting: {}}, lastState: {terminated: {exitCode: 137, reason: 'RestartingAllContainers'}}},
};

/** `a:run b:wait`: statuses by container. */
function statuses(text: string): ContainerStatus[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [name = '', state = ''] = word.split(':');
      return {name, image: '', imageID: '', ready: false, restartCount: 0, ...states[state]};
    });
}

type Row = [phase: string, has: string, more?: Partial<PhaseInput>];
const ended = {ended: true};
const begun = {hasStarted: true};

function check(spec: Partial<PodSpec>, rows: readonly Row[], all: Partial<PhaseInput> = {}): void {
  it.each<Row>(rows)('%s: %s', (phase, has, more = {}) => {
    const input = {ended: false, isStatic: false, hasStarted: false, restartingAll: false, ...all, ...more};
    expect(phaseOf({...input, spec: {containers: [a, b], ...spec}, statuses: statuses(has)})).toBe(phase);
  });
}

const [a, b] = [container('a'), container('b')];
const always = {restartPolicy: 'Always'};
const never = {restartPolicy: 'Never'};
const init = {initContainers: [container('x')]};
const sidecar = container('x', always);

describe('Always', () => {
  check(always, [
    ['Pending', ''],
    ['Running', 'a:run b:run'],
    ['Running', 'a:ok b:ok'],
    ['Succeeded', 'a:ok b:ok', ended],
    ['Failed', 'a:ok b:fail', ended],
    ['Running', 'a:fail b:fail', {ended: true, isStatic: true}],
    ['Running', 'a:run b:ok'],
    ['Pending', 'a:run'],
    ['Pending', 'a:run b:wait'],
    ['Running', 'a:run b:wasOk'],
  ]);
});

describe('Always, behind an init container', () => {
  check({...always, ...init}, [
    ['Pending', ''],
    ['Pending', 'x:run'],
    ['Pending', 'x:fail'],
    ['Pending', 'x:wasOk'],
    ['Pending', 'x:wasFail'],
    ['Pending', 'x:wait'],
    ['Running', 'x:ok a:run b:run'],
  ]);
});

describe('Always, beside a sidecar', () => {
  check({...always, initContainers: [sidecar]}, [
    ['Pending', ''],
    ['Pending', 'x:run'],
    ['Pending', 'x:ok'],
    ['Pending', 'x:wasOk'],
    ['Pending', 'x:wasFail'],
    ['Pending', 'x:wait'],
    ['Pending', 'x:started a:run', begun],
    ['Running', 'x:started a:run b:run', begun],
    ['Running', 'x:run a:run b:run', begun],
    ['Running', 'x:ok a:run b:run', begun],
    ['Running', 'x:wasOk a:run b:run', begun],
    ['Succeeded', 'x:fail a:ok b:ok', {...ended, ...begun}],
    ['Succeeded', 'x:ok a:ok b:ok', {...ended, ...begun}],
    ['Pending', 'x:run a:run b:run'],
  ]);
});

describe('Always, in the first and in a later sandbox', () => {
  const spec = {...always, initContainers: [container('x'), container('y', always)], containers: [a]};
  check(spec, [
    ['Pending', 'x:run y:run a:run'],
    ['Pending', 'x:run y:run a:ok'],
    ['Pending', 'x:ok y:run a:ok'],
    ['Running', 'x:ok y:run a:ok', begun],
    ['Running', 'x:ok y:run a:run', begun],
  ]);
});

describe('Never', () => {
  check(never, [
    ['Pending', ''],
    ['Running', 'a:run b:run'],
    ['Succeeded', 'a:ok b:ok'],
    ['Failed', 'a:fail b:fail'],
    ['Running', 'a:run b:ok'],
    ['Pending', 'a:run'],
    ['Pending', 'a:run b:wait'],
  ]);
});

describe('Never, behind an init container', () => {
  check({...never, ...init}, [
    ['Pending', ''],
    ['Pending', 'x:run'],
    ['Failed', 'x:fail'],
    ['Pending', 'x:wasOk'],
    ['Failed', 'x:wasFail'],
    ['Pending', 'x:wait'],
    ['Running', 'x:ok a:run b:run'],
  ]);
});

describe('Never, beside a sidecar', () => {
  check({...never, initContainers: [sidecar]}, [
    ['Pending', ''],
    ['Pending', 'x:run'],
    ['Pending', 'x:ok'],
    ['Pending', 'x:wasOk'],
    ['Pending', 'x:wasFail'],
    ['Pending', 'x:wait'],
    ['Pending', 'x:started a:run', begun],
    ['Running', 'x:started a:ok b:ok', begun],
    ['Running', 'x:run a:ok b:ok', begun],
    ['Succeeded', 'x:ok a:ok b:ok', begun],
    ['Succeeded', 'x:fail a:ok b:ok', begun],
    ['Succeeded', 'x:wasOk a:ok b:ok', begun],
    ['Succeeded', 'x:wasFail a:ok b:ok', begun],
  ]);
});

describe('OnFailure', () => {
  check({restartPolicy: 'OnFailure'}, [
    ['Pending', ''],
    ['Running', 'a:run b:run'],
    ['Succeeded', 'a:ok b:ok'],
    ['Running', 'a:fail b:fail'],
    ['Running', 'a:run b:ok'],
    ['Pending', 'a:run'],
    ['Pending', 'a:run b:wait'],
    ['Running', 'a:run b:wasOk'],
  ]);
});

describe('policies of single containers', () => {
  const own = (name: string, restartPolicy: string) => container(name, {restartPolicy});
  const one = (restartPolicy: string): Partial<PodSpec> => ({
    ...always,
    containers: [own('a', restartPolicy)],
  });
  const behind = (restartPolicy: string, policy: Partial<PodSpec>): Partial<PodSpec> => ({
    ...policy,
    initContainers: [own('x', restartPolicy)],
  });
  check(one('Never'), [['Failed', 'a:fail']]);
  check(one('OnFailure'), [['Running', 'a:fail']]);
  check(one('Always'), [['Running', 'a:fail']]);
  check({...never, containers: [own('a', 'Always'), b]}, [['Running', 'a:ok b:fail']]);
  check({...always, containers: [own('a', 'Never'), own('b', 'OnFailure')]}, [
    ['Failed', 'a:fail b:ok'],
    ['Succeeded', 'a:ok b:ok'],
  ]);
  check(behind('Never', always), [['Failed', 'x:fail']]);
  check(behind('OnFailure', never), [['Pending', 'x:fail']]);
  check(behind('Always', never), [['Pending', 'x:fail']]);
});

describe('all containers that begin anew', () => {
  const rule = (name: string, restartPolicy: string): Container =>
    container(name, {
      restartPolicy,
      restartPolicyRules: [{action: 'RestartAllContainers', exitCodes: {operator: 'In', values: [42]}}],
    });
  const [asking, asksInit, asksSidecar] = [rule('a', 'Never'), rule('x', 'Never'), rule('x', 'Always')];
  check(
    {...never, containers: [asking]},
    [
      ['Running', 'a:exit42'],
      ['Running', 'a:anew'],
    ],
    begun,
  );
  check(
    {...never, containers: [b], initContainers: [asksInit]},
    [
      ['Pending', 'x:exit42 b:wait'],
      ['Pending', 'x:anew b:wait'],
      ['Pending', 'x:ok b:wait'],
    ],
    begun,
  );
  check(
    {...never, containers: [b], initContainers: [asksSidecar]},
    [
      ['Pending', 'x:exit42 b:wait'],
      ['Pending', 'x:anew b:wait'],
      ['Running', 'x:anew b:anew'],
      ['Running', 'x:run b:anew'],
    ],
    begun,
  );
  check(
    {...never, containers: [b], initContainers: [asksSidecar, container('y')]},
    [
      ['Pending', 'x:exit42 y:wait b:wait'],
      ['Pending', 'x:anew y:anew b:wait'],
      ['Pending', 'x:run y:anew b:wait'],
    ],
    begun,
  );
  check(
    {...never, containers: [asking], ...init},
    [
      ['Running', 'x:ok a:anew'],
      ['Failed', 'x:fail a:anew'],
    ],
    begun,
  );
});
