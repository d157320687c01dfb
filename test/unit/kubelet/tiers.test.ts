import {describe, expect, it} from 'vitest';
import {reservedCgroups, tiers} from '../../../src/kubelet/tiers.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';

const config = {
  cgroupDriver: 'systemd',
  cgroupRoot: '',
  enforceNodeAllocatable: ['pods'],
  kubeReserved: {cpu: '250m', memory: '1Gi', pid: '1k'},
  systemReserved: {cpu: '250m'},
  memoryReservationPolicy: 'None',
  featureGates: {},
} as const;
const Gi = 1024 ** 3;
const machine = {cpus: 2, memoryBytes: 4 * Gi, pids: 32_768, v2: true};

function pod(requests: Record<string, string>, limits?: Record<string, string>): Pod {
  const resources = {requests, ...(limits === undefined ? {} : {limits})};
  return {
    metadata: {name: 'a', namespace: 'b', uid: 'c', resourceVersion: '1'},
    spec: {containers: [{name: 'd', resources}]},
  };
}

describe('the cgroups above the pods', () => {
  it('give pods what is not reserved', () => {
    expect(tiers(config, machine, [])[0]).toEqual({
      path: '/kubepods.slice',
      limits: {cpuShares: 1536, cpuWeight: 59, memoryBytes: 3 * Gi, pids: 31_768},
    });
  });

  it('give pods everything where nothing is enforced', () => {
    const none = {...config, enforceNodeAllocatable: ['none']} as const;
    expect(tiers(none, machine, [])[0]?.limits).toMatchObject({
      cpuShares: 2048,
      memoryBytes: 4 * Gi,
      pids: 32_768,
    });
  });

  it('weigh burstable pods by their requests, and the others of their classes not at all', () => {
    const limits = {cpu: '1', memory: '1Gi'};
    const pods = [pod({cpu: '500m'}), pod({cpu: '250m'}), pod(limits, limits), pod({})];
    expect(tiers(config, machine, pods).slice(1)).toEqual([
      {path: '/kubepods.slice/kubepods-burstable.slice', limits: {cpuShares: 768, cpuWeight: 30}},
      {path: '/kubepods.slice/kubepods-besteffort.slice', limits: {cpuShares: 2, cpuWeight: 1}},
    ]);
  });

  it('keep in memory what pods request, by MemoryQoS and only under cgroup v2', () => {
    const limits = {cpu: '1', memory: '1Gi'};
    const pods = [pod(limits, limits), pod({memory: '512Mi'}), pod({})];
    const kept = (of: object, on = machine) =>
      tiers({...config, featureGates: {MemoryQoS: true}, ...of}, on, pods).map(
        ({limits: {memoryMin, memoryLow}}) => [memoryMin, memoryLow],
      );
    const tiered = {memoryReservationPolicy: 'TieredReservation'} as const;
    expect(kept(tiered)).toEqual([
      [1.5 * Gi, undefined],
      [undefined, Gi / 2],
      [undefined, undefined],
    ]);
    expect(kept({})).toEqual([
      [0, undefined],
      [undefined, 0],
      [undefined, undefined],
    ]);
    expect(kept(tiered, {...machine, v2: false}).flat()).toEqual(Array(6).fill(undefined));
  });
});

describe('the cgroups of what is not a pod', () => {
  const reserved = (fields: object) =>
    reservedCgroups(
      {
        ...config,
        kubeReservedCgroup: '/kube.slice',
        systemReservedCgroup: '/system.slice',
        enforceNodeAllocatable: ['pods', 'kube-reserved', 'system-reserved'],
        ...fields,
      },
      {v2: true},
    );

  it('are limited where that is asked for', () => {
    expect(reserved({enforceNodeAllocatable: ['pods']})).toEqual([]);
    expect(reserved({})).toEqual([
      {path: '/system.slice', limits: {cpuShares: 256, cpuWeight: 10}},
      {path: '/kube.slice', limits: {cpuShares: 256, cpuWeight: 10, memoryBytes: Gi, pids: 1000}},
    ]);
  });

  it('keep their memory by MemoryQoS', () =>
    expect(reserved({featureGates: {MemoryQoS: true}})[1]?.limits).toMatchObject({memoryMin: Gi}));

  it('are only weighed where what cannot be throttled is left out', () =>
    expect(reserved({enforceNodeAllocatable: ['kube-reserved-compressible']})).toEqual([
      {path: '/kube.slice', limits: {cpuShares: 256, cpuWeight: 10}},
    ]));

  it.each([
    ['systemd', '/node-tools.slice', '/node.slice/node-tools.slice'],
    ['systemd', '/node.slice/node-tools.slice', '/node.slice/node-tools.slice'],
    ['systemd', 'kube', '/kube.slice'],
    ['cgroupfs', 'runtime/kube', '/runtime/kube'],
    ['cgroupfs', '/kube.slice', '/kube.slice'],
  ])('by %s are found as %s at %s', (cgroupDriver, kubeReservedCgroup, path) =>
    expect(
      reserved({cgroupDriver, kubeReservedCgroup, enforceNodeAllocatable: ['kube-reserved']})[0]?.path,
    ).toBe(path),
  );
});
