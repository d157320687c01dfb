import {expect, it} from 'vitest';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import {generateKey} from '../../../../src/edges/trust/x509.ts';
import {runRotation, servingSigner} from '../../../../src/kubelet/certificates/rotation.ts';
import {silent} from '../../../../src/lib/log.ts';
import type {Clock} from '../../../../src/lib/time.ts';
import {until} from '../../../integration/support/wait.ts';

/** Nobody approves: requests stay as they are made. */
class Requests {
  readonly made: string[] = [];
  readonly client = new Proxy(
    {},
    {get: (_, name) => Reflect.get(this, name) ?? (() => Promise.reject(new Error(`no ${String(name)}`)))},
  ) as KubeClient;

  async create(_resource: unknown, {metadata}: {metadata: {name: string}}): Promise<void> {
    this.made.push(metadata.name);
  }

  async list() {
    return {items: [{metadata: {name: this.made.at(-1)}, spec: {}}], resourceVersion: '1'};
  }

  async *watch(_resource: unknown, _query: unknown, signal: AbortSignal) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, {once: true}));
    yield* [];
  }
}

it('waits no longer for a certificate whose names are not the node’s any more', async () => {
  const timers = new Set<() => void>();
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_ms, work) => {
      timers.add(work);
      return () => timers.delete(work);
    },
  };
  const pass = () => {
    for (const work of [...timers]) {
      timers.delete(work);
      work();
    }
  };
  const requests = new Requests();
  const stop = new AbortController();
  const key = generateKey();
  let ipAddresses = ['10.0.0.5'];
  const rotation = runRotation(
    {
      store: {
        currentPath: '',
        current: async () => undefined,
        pendingKey: async () => key,
        dropPendingKey: async () => undefined,
        update: async () => undefined,
      },
      client: requests.client,
      clock,
      log: silent,
      signerName: servingSigner,
      usages: ['digital signature', 'server auth'],
      names: () => ({commonName: 'system:node:n1', organizations: ['system:nodes'], ipAddresses}),
      onIssued: () => undefined,
      onFailed: () => undefined,
    },
    stop.signal,
  );
  await until('the first request', () => requests.made.length === 1 && timers.size === 1);
  pass();
  await until('it looks again', () => timers.size === 1);
  expect(requests.made).toHaveLength(1);
  ipAddresses = ['10.0.0.6'];
  pass();
  await until('it pauses before it asks anew', () => timers.size === 1);
  pass();
  await until('the second request', () => requests.made.length === 2);
  expect(requests.made[1]).not.toBe(requests.made[0]);
  stop.abort();
  await rotation;
});
