import {expect, it} from 'vitest';
import {newMemory, type PodMemory} from '../../../../src/kubelet/pod/config/resources/memory.ts';
import {roomWaiters} from '../../../../src/kubelet/pod/room-waiters.ts';
import type {PodSpec} from '../../../../src/lib/kubernetes.ts';
import {pod} from './fixtures.ts';

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
  expect(roomWaiters(memories)).toEqual(['urgent', 'sooner', 'later']);
});

it('wakes no UID without a pod: two that are forgotten would wake each other for ever', () => {
  expect(roomWaiters([memory('one', undefined), memory('two', undefined)])).toEqual([]);
});
