import {describe, expect, it} from 'vitest';
import {refusedUnderPressure} from '../../../../src/kubelet/eviction/admission.ts';
import {evictionWords} from '../../../../src/kubelet/eviction/message.ts';
import {partsOn, rankPods} from '../../../../src/kubelet/eviction/rank.ts';
import {deadParts, reclaims} from '../../../../src/kubelet/eviction/reclaim.ts';
import {observe} from '../../../../src/kubelet/eviction/signals.ts';
import {exceededLimit} from '../../../../src/kubelet/eviction/storage-limits.ts';
import type {PodStats} from '../../../../src/kubelet/stats/types.ts';
import type {Pod, PodSpec} from '../../../../src/lib/kubernetes.ts';
import {container, disks, gi, measured, mi, pod, requesting, snapshot, space, stats} from './fixture.ts';

const one = {dedicatedImages: false, splitContainers: false};
const apart = {dedicatedImages: true, splitContainers: false};
const split = {dedicatedImages: true, splitContainers: true};

describe('rankPods', () => {
  const candidate = (name: string, spec: Partial<PodSpec>, over: Partial<PodStats>) => ({
    pod: pod(name, spec),
    stats: stats(name, over),
  });
  const names = (...args: Parameters<typeof rankPods>) => rankPods(...args).map((c) => c.pod.metadata.name);

  it('memory: above the request, then the lower priority, then the most above it', () => {
    const candidates = [
      candidate('within', requesting({memory: '1Gi'}), {measured: measured(900 * mi)}),
      candidate('little', {}, {measured: measured(10 * mi)}),
      candidate('important', {priority: 100}, {measured: measured(5 * gi)}),
      candidate('much', {}, {measured: measured(20 * mi)}),
      candidate('over', requesting({memory: '1Gi'}), {measured: measured(gi + 15 * mi)}),
      {pod: pod('unknown'), stats: undefined},
    ];
    expect(names(candidates, 'memory.available', one)).toEqual([
      'unknown',
      'much',
      'over',
      'little',
      'important',
      'within',
    ]);
  });

  it('memory: the overhead counts only for a pod that requests some', () => {
    const overhead = {memory: '200Mi'};
    const names = rankPods(
      [
        {
          pod: pod('asks', {...requesting({memory: '100Mi'}), overhead}),
          stats: stats('asks', {measured: measured(250 * mi)}),
        },
        {pod: pod('asks-nothing', {overhead}), stats: stats('asks-nothing', {measured: measured(150 * mi)})},
      ],
      'memory.available',
      {dedicatedImages: false, splitContainers: false},
    ).map((candidate) => candidate.pod.metadata.name);
    expect(names).toEqual(['asks-nothing', 'asks']);
  });

  it('pids: by priority, then the most', () => {
    const candidates = [
      candidate('few', {}, {containers: [container({pids: Array(3).fill(1)})]}),
      candidate('bomb', {}, {containers: [container({pids: Array(900).fill(1)})]}),
      candidate('important', {priority: 5}, {containers: [container({pids: Array(9000).fill(1)})]}),
    ];
    expect(names(candidates, 'pid.available', one)).toEqual(['bomb', 'few', 'important']);
  });

  it('disk: only what lies on the full file system counts', () => {
    const layer = candidate(
      'layer',
      {},
      {containers: [container({rootfs: {usedBytes: 9 * mi, inodesUsed: 1}})]},
    );
    const logs = candidate('logs', {}, {containers: [container({logs: {usedBytes: 5 * mi, inodesUsed: 9}})]});
    const volume = candidate(
      'volume',
      {volumes: [{name: 'v', emptyDir: {}}]},
      {volumes: [{name: 'v', ephemeral: true, usedBytes: 6 * mi, inodesUsed: 5}]},
    );
    const memory = candidate(
      'memory',
      {volumes: [{name: 'v', emptyDir: {medium: 'Memory'}}]},
      {volumes: [{name: 'v', ephemeral: false, usedBytes: gi, inodesUsed: 5}]},
    );
    const all = [memory, logs, volume, layer];
    expect(names(all, 'nodefs.available', one).slice(0, 3)).toEqual(['layer', 'volume', 'logs']);
    expect(names(all, 'nodefs.inodesFree', one)[0]).toBe('logs');
    expect(names(all, 'nodefs.available', apart)[0]).toBe('volume');
    expect(names(all, 'imagefs.available', apart)[0]).toBe('layer');
    expect(partsOn('containerfs.available', split)).toEqual(['logs', 'volumes', 'rootfs']);
    expect(partsOn('imagefs.available', split)).toEqual([]);
  });
});

describe('reclaims', () => {
  it.each([
    ['memory.available', one, []],
    ['pid.available', one, []],
    ['nodefs.available', one, ['dead-containers', 'unused-images']],
    ['nodefs.inodesFree', apart, []],
    ['imagefs.available', apart, ['dead-containers', 'unused-images']],
    ['imagefs.available', split, ['unused-images']],
    ['containerfs.inodesFree', split, ['dead-containers']],
  ] as const)('%s %j', (signal, layout, expected) => {
    expect(reclaims(signal, layout)).toEqual(expected);
  });

  it('takes nothing of a pod of which something still runs', () => {
    const dead = {id: 'a', state: 'exited'};
    const runtime = (state: string) =>
      ({containers: [dead, {id: 'b', state}], sandboxes: []}) as unknown as Parameters<typeof deadParts>[0];
    expect(deadParts(runtime('running')).containers).toEqual([]);
    expect(deadParts(runtime('exited')).containers).toHaveLength(2);
  });
});

describe('evictionWords', () => {
  const threshold = {
    signal: 'memory.available',
    graceMs: 0,
    value: {quantity: 100 * mi, text: '100Mi'},
  } as const;
  const seen = observe(snapshot({node: {...snapshot().node, root: measured(8 * gi - 52 * mi)}}));

  it('names the threshold and who is to blame, in the words of Kubernetes', () => {
    const hog = stats('hog', {containers: [container({measured: measured(200 * mi)})]});
    const words = evictionWords('memory', pod('hog', requesting({memory: '64Mi'})), hog, [threshold], seen);
    expect(words.message).toBe(
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. ' +
        'Container main was using 200Mi, request is 64Mi, has larger consumption of memory. ',
    );
    expect(words.annotations).toEqual({
      offending_containers: 'main',
      offending_containers_usage: '200Mi',
      starved_resource: 'memory',
    });
  });

  it('blames nobody who keeps to the request', () => {
    const words = evictionWords(
      'memory',
      pod('a', requesting({memory: '1Gi'})),
      stats('a'),
      [threshold],
      seen,
    );
    expect(words.message).toMatch(/available: 52Mi\. $/);
    expect(words.annotations.offending_containers).toBe('');
  });

  it('prints a percentage of the capacity, and counts in thousands', () => {
    const inodes = {signal: 'nodefs.inodesFree', graceMs: 0, value: {part: 0.05}} as const;
    const low = observe(snapshot({disks: disks({node: space({inodesFree: 12_345})})}));
    const {message} = evictionWords('inodes', pod('a'), stats('a'), [inodes], low);
    expect(message).toBe('The node was low on resource: inodes. Threshold quantity: 50k, available: 12345. ');
  });

  it('tells of pod-level requests', () => {
    const spec = {resources: {requests: {memory: '10Mi'}}};
    const words = evictionWords('memory', pod('p', spec), stats('p', {containers: []}), [threshold], seen);
    expect(words.message).toContain(
      'Pod p was using 100Mi, request is 10Mi, has larger consumption of memory. ',
    );
    expect(words.annotations).toMatchObject({offending_pod: 'p', offending_pod_usage: '100Mi'});
  });
});

describe('exceededLimit', () => {
  const limited = (limit: string) => requesting({}, {'ephemeral-storage': limit});
  const layer = (usedBytes: number) => [container({rootfs: {usedBytes, inodesUsed: 1}})];

  it.each<[string, Pod, PodStats, boolean, string | undefined]>([
    ['within', pod('a', limited('5Mi')), stats('a', {containers: layer(5 * mi)}), false, undefined],
    [
      'the whole pod',
      pod('a', limited('5Mi')),
      stats('a', {containers: layer(6 * mi)}),
      false,
      'Pod ephemeral local storage usage exceeds the total limit of containers 5Mi. ',
    ],
    [
      'one container',
      pod('a', {
        containers: [
          {name: 'main', image: 'x', resources: {limits: {'ephemeral-storage': '5Mi'}}},
          {name: 'other', image: 'x', resources: {limits: {'ephemeral-storage': '1Gi'}}},
        ],
      }),
      stats('a', {containers: [container({logs: {usedBytes: 6 * mi, inodesUsed: 1}})]}),
      true,
      'Container main exceeded its local ephemeral storage limit "5Mi". ',
    ],
    [
      'an emptyDir',
      pod('a', {volumes: [{name: 'v', emptyDir: {sizeLimit: '1Mi'}}]}),
      stats('a', {volumes: [{name: 'v', ephemeral: true, usedBytes: mi + 1, inodesUsed: 1}]}),
      false,
      'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
    ],
    [
      "a writable layer on the disk of the images is not the container's, but the pod's",
      pod('a', {
        containers: [
          {name: 'main', image: 'x', resources: {limits: {'ephemeral-storage': '5Mi'}}},
          {name: 'other', image: 'x', resources: {limits: {'ephemeral-storage': '1Gi'}}},
        ],
      }),
      stats('a', {containers: layer(6 * mi)}),
      true,
      undefined,
    ],
  ])('%s', (_name, of, used, dedicated, expected) => {
    expect(exceededLimit(of, used, dedicated)?.message).toBe(expected);
  });
});

describe('admission under pressure', () => {
  const none = {memory: false, disk: false, pid: false};
  const memory = {...none, memory: true};
  const tolerating = (toleration: object) => pod('a', {tolerations: [toleration]});
  const key = 'node.kubernetes.io/memory-pressure';

  it.each<[string, typeof none, Pod, boolean, string | undefined]>([
    ['none', none, pod('a'), false, undefined],
    ['memory, best effort', memory, pod('a'), false, 'The node had condition: [MemoryPressure]. '],
    ['memory, burstable', memory, pod('a', requesting({memory: '1Mi'})), false, undefined],
    ['memory, tolerated', memory, tolerating({key, operator: 'Exists'}), false, undefined],
    ['memory, all tolerated', memory, tolerating({operator: 'Exists'}), false, undefined],
    [
      'memory, something else tolerated',
      memory,
      tolerating({key: 'x', operator: 'Exists'}),
      false,
      'The node had condition: [MemoryPressure]. ',
    ],
    [
      'disk, burstable',
      {...none, disk: true},
      pod('a', requesting({memory: '1Mi'})),
      false,
      'The node had condition: [DiskPressure]. ',
    ],
    [
      'both',
      {...memory, disk: true},
      pod('a', requesting({memory: '1Mi'})),
      false,
      'The node had condition: [DiskPressure MemoryPressure]. ',
    ],
    ['pids', {...none, pid: true}, pod('a'), false, 'The node had condition: [PIDPressure]. '],
    ['disk, static', {...none, disk: true}, pod('a'), true, undefined],
    ['disk, critical', {...none, disk: true}, pod('a', {priority: 2_000_000_000}), false, undefined],
  ])('%s', (_name, pressure, of, isStatic, expected) => {
    expect(refusedUnderPressure(pressure, of, isStatic)?.message).toBe(expected);
  });
});
