import {expect, it} from 'vitest';
import {activePods} from '../../../src/kubelet/api/active-pods.ts';
import {PodStore} from '../../../src/kubelet/api/pod-store.ts';
import type {PodRuntime} from '../../../src/kubelet/pod/status/runtime-state.ts';
import type {Pod, PodStatus} from '../../../src/lib/kubernetes.ts';
import {exited, pod, record, sandbox} from './pod/fixtures.ts';

type Case = {
  /** As the API server has it, and as it was computed here. */
  readonly told?: string;
  readonly own?: PodStatus;
  readonly standing?: 'unknown' | 'admitted' | 'ending';
  readonly deleted?: true;
  readonly runs?: boolean;
  readonly is: 'active' | 'ending' | 'none';
};

/** TestFilterOutInactivePods. */
const cases: Record<string, Case> = {
  'has failed': {told: 'Failed', is: 'none'},
  'has succeeded': {told: 'Succeeded', is: 'none'},
  'is being deleted': {told: 'Running', deleted: true, runs: true, is: 'ending'},
  'is pending': {told: 'Pending', is: 'active'},
  runs: {told: 'Running', runs: true, is: 'active'},
  'was refused': {told: 'Pending', own: {phase: 'Failed'}, standing: 'ending', is: 'none'},
  'has ended, and the API server does not know yet': {
    told: 'Running',
    own: {phase: 'Succeeded'},
    runs: false,
    is: 'none',
  },
  'was called failed by somebody, and still runs': {told: 'Failed', runs: true, is: 'ending'},
  'was called failed by somebody, and has ended': {told: 'Failed', runs: false, is: 'none'},
  'is evicted': {told: 'Running', standing: 'ending', runs: true, is: 'ending'},
  'waits to be judged': {told: 'Pending', standing: 'unknown', is: 'none'},
  'ran before this kubelet began': {told: 'Running', standing: 'unknown', runs: true, is: 'active'},
};

it.each(Object.entries(cases))('a pod that %s', (_, {told, own, standing, deleted, runs, is}) => {
  const store = new PodStore();
  const metadata = deleted ? {deletionTimestamp: '2026-01-01T00:00:00Z'} : {};
  const one: Pod = {...pod({}, metadata), ...(told === undefined ? {} : {status: {phase: told}})};
  store.put(one, false);
  const runtime: PodRuntime | undefined =
    runs === undefined
      ? undefined
      : {sandboxes: [sandbox()], containers: [runs ? record('main') : exited('main')]};
  const workers = {standing: () => standing ?? 'admitted', status: () => own};
  const [found] = activePods(store, workers, {peek: () => runtime}, {get: () => undefined});
  expect(found === undefined ? 'none' : found.ending ? 'ending' : 'active').toBe(is);
});
