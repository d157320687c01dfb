import {expect, it} from 'vitest';
import {podIsOver} from '../../../src/kubelet/agent/upkeep.ts';

const pod = (phase?: string) => ({
  pod: {
    metadata: {uid: 'u', name: 'web', namespace: 'default', resourceVersion: '1'},
    spec: {containers: []},
    status: {phase},
  },
  isStatic: false,
});

it.each([
  ['runs still', 'Running', false, false],
  ['has ended here, and the API server does not know', 'Running', true, false],
  ['is told to have ended, and its volumes are not gone', 'Failed', false, false],
  ['has ended', 'Failed', true, true],
  ['has succeeded', 'Succeeded', true, true],
])('lets an eviction look at the next pod only when the last is over: %s', (_, phase, clean, over) => {
  const workers = {uids: () => ['u'], isCleanedUp: () => clean};
  expect(podIsOver('u', {get: () => pod(phase)}, workers)).toBe(over);
});

it('takes a pod that nobody knows for over when its worker has forgotten it', () => {
  const store = {get: () => undefined};
  expect(podIsOver('u', store, {uids: () => ['u'], isCleanedUp: () => true})).toBe(false);
  expect(podIsOver('u', store, {uids: () => [], isCleanedUp: () => true})).toBe(true);
});
