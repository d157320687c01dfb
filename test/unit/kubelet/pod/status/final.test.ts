import {describe, expect, it} from 'vitest';
import {decidePod} from '../../../../../src/kubelet/pod/actions/decide.ts';
import type {PodSeen} from '../../../../../src/kubelet/pod/seen.ts';
import {finalStatuses} from '../../../../../src/kubelet/pod/status/final.ts';
import type {ContainerStatus} from '../../../../../src/lib/kubernetes.ts';
import {container, exited, pod, sandbox, seen} from '../fixtures.ts';

/** Kubernetes' own cases of TerminatePod (status/status_manager_test.go), by their meaning. */
const states: Record<string, Partial<ContainerStatus>> = {
  none: {},
  run: {state: {running: {}}},
  started: {state: {running: {}}, started: true},
  wait: {state: {waiting: {}}},
  ok: {state: {terminated: {exitCode: 0}}},
  exit1: {state: {terminated: {exitCode: 1}}},
  wasOk: {state: {waiting: {}}, lastState: {terminated: {exitCode: 0}}},
  wasExit2: {state: {waiting: {}}, lastState: {terminated: {exitCode: 2}}},
};

const statuses = (words: string): ContainerStatus[] =>
  words
    .split(' ')
    .filter((word) => word !== '')
    .map((word, at) => ({
      name: `c${at}`,
      image: '',
      imageID: '',
      ready: true,
      restartCount: 0,
      ...states[word],
    }));

const word = ({state}: ContainerStatus): string => {
  if (state?.terminated === undefined) return state?.waiting === undefined ? 'other' : 'wait';
  return state.terminated.reason === 'ContainerStatusUnknown' ? 'lost' : `exit${state.terminated.exitCode}`;
};

function final(init: string, regular: string, last: Partial<ReturnType<typeof container>> = {}) {
  const inits = statuses(init).map(({name}) => container(name));
  const spec = inits.map((one, at) => (at === inits.length - 1 ? {...one, ...last} : one));
  const of = pod(spec.length === 0 ? {} : {initContainers: spec});
  const lists = finalStatuses(of, {init: statuses(init), regular: statuses(regular)});
  return [...lists.init, ...lists.regular].map(word).join(' ');
}

describe('the statuses of a pod that has ended', () => {
  it.each<[string, string, string]>([
    ['', 'run', 'lost'],
    ['', 'exit1', 'exit1'],
    ['', 'wasExit2', 'lost'],
    ['', 'wait', 'lost'],
    ['wait', 'wait', 'lost wait'],
    ['wait wait', 'wait', 'lost wait wait'],
    ['wait wait exit1 wait', 'wait', 'lost lost exit1 wait wait'],
    ['wait wait exit1', 'wait', 'lost lost exit1 wait'],
    ['wait wait ok', 'wait', 'lost lost exit0 lost'],
    ['wait wait wasOk', 'wait', 'lost lost lost lost'],
    ['wait', 'run', 'lost lost'],
    ['wait', 'ok', 'lost exit0'],
    ['wait', 'wasOk', 'lost lost'],
    ['none ok exit1', 'none exit1 ok', 'lost exit0 exit1 lost exit1 exit0'],
    ['none ok wait', 'none exit1 wait', 'lost exit0 wait lost exit1 lost'],
  ])('of [%s] and [%s] are [%s]', (init, regular, expected) => {
    expect(final(init, regular)).toBe(expected);
  });

  it('count on a sidecar that has started, and on no other', () => {
    const restartPolicy = 'Always';
    expect(final('started', 'wait', {restartPolicy})).toBe('lost lost');
    expect(final('run', 'wait', {restartPolicy})).toBe('lost wait');
  });
});

describe('the end of a pod', () => {
  const nothing = {sandboxes: [sandbox()], containers: []};
  const told = (changes: Partial<PodSeen>) => {
    const {status} = decidePod(seen({runtime: nothing, ...changes}));
    return [status?.phase, ...(status?.containerStatuses ?? []).map(word)].join(' ');
  };
  const deadline = {
    pod: pod({activeDeadlineSeconds: 5}),
    status: {phase: 'Pending', startTime: '2026-01-01T00:00:00Z'},
  };

  it('is Failed, with containers that never started as lost', () => {
    expect(told({pod: pod({}, {deletionTimestamp: '2026-01-01T00:00:00Z'})})).toBe('Failed lost');
    expect(told(deadline)).toBe('Failed lost');
  });
});

describe('termination messages (TestStatusNormalizationEnforcesMaxBytes)', () => {
  const message = (containers: number) => {
    const names = Array.from({length: containers}, (_, at) => `c${at}`);
    const world = seen({
      pod: pod({containers: names.map((name) => container(name))}),
      runtime: {
        sandboxes: [sandbox()],
        containers: names.map((name) => exited(name, 1, {message: 'x'.repeat(4096)})),
      },
    });
    const [first] = decidePod(world).status?.containerStatuses ?? [];
    return first?.state?.terminated?.message?.length;
  };

  it('share twelve KiB', () => {
    expect([1, 3, 24, 48].map(message)).toEqual([4096, 4096, 512, 256]);
  });
});
