import {afterEach, describe, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import type {ActivePod} from '../../../../src/kubelet/admission/types.ts';
import {type Eviction, startEviction} from '../../../../src/kubelet/eviction/manager.ts';
import type {Verdict} from '../../../../src/kubelet/pod/seen.ts';
import type {Pod} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';
import type {Clock} from '../../../../src/lib/time.ts';
import {gi, measured, mi, pod, snapshot, stats} from './fixture.ts';

const seconds = 1_000;

/** Time that goes on only when told to; what is due runs, and what it leads to settles. */
class ManualClock implements Clock {
  #ms = 1_000_000;
  #timers: {readonly atMs: number; readonly fn: () => void}[] = [];

  now(): number {
    return this.#ms;
  }

  monotonic(): number {
    return this.#ms;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = {atMs: this.#ms + ms, fn};
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  async pass(ms: number): Promise<void> {
    await settle();
    for (const endMs = this.#ms + ms; this.#ms < endMs; await settle()) {
      this.#ms += 500;
      const due = this.#timers.filter(({atMs}) => atMs <= this.#ms);
      this.#timers = this.#timers.filter(({atMs}) => atMs > this.#ms);
      for (const {fn} of due) fn();
    }
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

let eviction: Eviction | undefined;

afterEach(() => {
  // A wait for the end of a pod is not waited for: its time does not go on any more.
  void eviction?.stop();
});

type Node = {
  readonly clock: ManualClock;
  readonly ended: {uid: string; verdict: Verdict}[];
  memoryMi: number;
};

const usesGi = (name: string, timeMs: number) => stats(name, {measured: measured(1 * gi, timeMs)});

/** A node of 8 GiB with these pods, each of which uses 1 GiB, and `memoryMi` left. */
function nodeWith(yaml: string, active: () => readonly ActivePod[], names: readonly string[]): Node {
  const clock = new ManualClock();
  const text = `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n${yaml}`;
  const {config} = loadKubeletConfig([{path: '/c.yaml', text}], {}, 'n1');
  const node: Node = {clock, ended: [], memoryMi: 50};
  const gone = new Set<string>();
  const state = () => {
    const {timeMs, disks, node: one} = snapshot({}, clock.now());
    return {timeMs, disks, node: {...one, root: measured(8 * gi - node.memoryMi * mi, timeMs)}};
  };
  eviction = startEviction({
    config,
    clock,
    log: silent,
    stats: {
      glance: async () => ({...state(), limited: []}),
      get: async () => ({...state(), tiers: new Map(), pods: names.map((name) => usesGi(name, clock.now()))}),
    },
    active: () =>
      active().map((one) => ({
        ...one,
        ending: one.ending || node.ended.some(({uid}) => uid === one.pod.metadata.uid),
      })),
    end: (uid, verdict) => node.ended.push({uid, verdict}),
    isCleanedUp: (uid) => gone.has(uid),
    reclaim: async () => {},
    tellNode: () => {},
    tellPod: () => {},
    onPressure: () => {},
  });
  return node;
}

const standing = (of: Pod, ending = false): ActivePod => ({pod: of, isStatic: false, ending});

describe('the eviction manager', () => {
  it('ends nobody else while a pod with a grace still ends (killPodNow waits for grace and half of it)', async () => {
    const pods = [pod('a'), pod('b')].map((of) =>
      standing({...of, spec: {...of.spec, terminationGracePeriodSeconds: 90}}),
    );
    const node = nodeWith(
      'evictionHard: {}\nevictionSoft: {memory.available: 100Mi}\nevictionSoftGracePeriod: {memory.available: 20s}\nevictionMaxPodGracePeriod: 60',
      () => pods,
      ['a', 'b'],
    );
    await node.clock.pass(35 * seconds);
    expect(node.ended).toMatchObject([{uid: 'uid-a', verdict: {graceSeconds: 60}}]);
    await node.clock.pass(85 * seconds);
    expect(node.ended).toHaveLength(1);
    await node.clock.pass(60 * seconds);
    expect(node.ended.map(({uid}) => uid)).toEqual(['uid-a', 'uid-b']);
  });

  it('shortens the grace of a pod that somebody deleted rather than ending another', async () => {
    const leaving = pod('leaving', {terminationGracePeriodSeconds: 3_600});
    const pods = [
      standing(
        {...leaving, metadata: {...leaving.metadata, deletionTimestamp: '2026-01-01T00:00:00Z'}},
        true,
      ),
      standing(pod('staying', {priority: 1_000})),
    ];
    const node = nodeWith('evictionHard: {memory.available: 100Mi}', () => pods, ['leaving', 'staying']);
    await node.clock.pass(5 * seconds);
    expect(node.ended).toMatchObject([{uid: 'uid-leaving', verdict: {reason: 'Evicted', graceSeconds: 1}}]);
  });

  it('leaves a critical pod alone, and takes the next one', async () => {
    const pods = [
      standing(pod('critical', {priority: 2_000_000_000})),
      standing(pod('high', {priority: 2_000_000_001})),
      standing(pod('plain', {priority: 1_999_999_999})),
    ];
    const node = nodeWith('evictionHard: {memory.available: 100Mi}', () => pods, [
      'critical',
      'high',
      'plain',
    ]);
    await node.clock.pass(5 * seconds);
    expect(node.ended.map(({uid}) => uid)).toEqual(['uid-plain']);
  });

  it('does nothing while enough is free', async () => {
    const node = nodeWith('evictionHard: {memory.available: 40Mi}', () => [standing(pod('a'))], ['a']);
    await node.clock.pass(60 * seconds);
    expect(node.ended).toEqual([]);
  });
});
