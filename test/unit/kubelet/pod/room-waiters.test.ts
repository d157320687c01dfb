import {expect, it} from 'vitest';
import {newMemory, type PodMemory} from '../../../../src/kubelet/pod/config/resources/memory.ts';
import {roomWaiters} from '../../../../src/kubelet/pod/room-waiters.ts';
import {wantsMore} from '../../../../src/kubelet/resize/allocation.ts';
import type {PodSpec} from '../../../../src/lib/kubernetes.ts';
import {container, pod} from './fixtures.ts';

const deferred = (sinceMs: number) => ({
  pending: {reason: 'Deferred' as const, message: 'no room', sinceMs, generation: 1},
});

function memory(uid: string, spec: Partial<PodSpec> | undefined, rest: Partial<PodMemory> = {}): PodMemory {
  return {...newMemory(uid, 300_000), lastPod: spec && pod(spec, {uid}), ...rest};
}

it('wakes what is not admitted and what waits to grow, the most urgent first', () => {
  const memories = [
    memory('runs', {}, {admitted: true}),
    memory('later', {}, {admitted: true, resize: deferred(2)}),
    memory('sooner', {}, {admitted: true, resize: deferred(1)}),
    memory('urgent', {priority: 7}),
  ];
  expect(roomWaiters(memories, () => true)).toEqual(['urgent', 'sooner', 'later']);
});

it('wakes no UID without a pod: two that are forgotten would wake each other for ever', () => {
  expect(roomWaiters([memory('one', undefined), memory('two', undefined)], () => true)).toEqual([]);
});

/** Kubernetes' own case of sortPendingResizes (allocation_manager_test.go, TestSortPendingResizes), by its meaning. */
it('wakes first what asks for no more, then by priority, class and time', () => {
  const sizes = {cpu: '1', memory: '1Gi'};
  const guaranteed = {
    containers: [container('main', {resources: {requests: sizes, limits: sizes}})],
  };
  const waits = (uid: string, spec: Partial<PodSpec>, sinceMs: number) =>
    memory(uid, spec, {admitted: true, resize: deferred(sinceMs)});
  const memories = [
    waits('longer', {}, 1),
    waits('shorter', {}, 2),
    waits('guaranteed', guaranteed, 3),
    waits('high', {priority: 100}, 4),
    waits('shrinks', {}, 5),
  ];
  expect(roomWaiters(memories, (uid) => uid !== 'shrinks')).toEqual([
    'shrinks',
    'high',
    'guaranteed',
    'longer',
    'shorter',
  ]);
});

it.each([
  ['more cpu', {cpu: '2', memory: '1Gi'}, true],
  ['more memory, less cpu', {cpu: '500m', memory: '2Gi'}, true],
  ['less', {cpu: '500m', memory: '512Mi'}, false],
  ['the same in other words', {cpu: '1000m', memory: '1024Mi'}, false],
])('a resize to %s, of %j, asks for more: %s', (_, requests, more) => {
  const given = {containers: {main: {requests: {cpu: '1', memory: '1Gi'}}}};
  expect(wantsMore(pod({containers: [container('main', {resources: {requests}})]}), given)).toBe(more);
});
