import {expect, it} from 'vitest';
import {lookAtDaemon} from '../../../src/checks/node/daemon-sight.ts';

const status = {installed: true, enabled: true, running: false, restarting: false, restarts: 0};

it.each([
  ['does not come', () => new Promise<never>(() => undefined)],
  ['cannot be read', () => Promise.reject(new Error('EIO'))],
])('sees that a daemon is dead, also where its log %s', async (_, log) => {
  const seen = await lookAtDaemon({status: async () => status, log}, 'nodectl-kubelet', AbortSignal.any([]));
  expect(seen).toEqual({status, upMs: undefined, log: []});
});
