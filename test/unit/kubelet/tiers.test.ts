import {describe, expect, it} from 'vitest';
import {tiers} from '../../../src/kubelet/tiers.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';

const config = {
  cgroupDriver: 'systemd',
  cgroupRoot: '',
  enforceNodeAllocatable: ['pods'],
  kubeReserved: {cpu: '250m', memory: '1Gi'},
  systemReserved: {cpu: '250m'},
} as const;
const machine = {cpus: 2, memoryBytes: 4 * 1024 ** 3};

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
      limits: {cpuShares: 1536, cpuWeight: 59, memoryBytes: 3 * 1024 ** 3},
    });
  });

  it('give pods everything where nothing is enforced', () => {
    const none = {...config, enforceNodeAllocatable: ['none']} as const;
    expect(tiers(none, machine, [])[0]?.limits).toMatchObject({cpuShares: 2048, memoryBytes: 4 * 1024 ** 3});
  });

  it('weigh burstable pods by their requests, and the others of their classes not at all', () => {
    const limits = {cpu: '1', memory: '1Gi'};
    const pods = [pod({cpu: '500m'}), pod({cpu: '250m'}), pod(limits, limits), pod({})];
    expect(tiers(config, machine, pods).slice(1)).toEqual([
      {path: '/kubepods.slice/kubepods-burstable.slice', limits: {cpuShares: 768, cpuWeight: 30}},
      {path: '/kubepods.slice/kubepods-besteffort.slice', limits: {cpuShares: 2, cpuWeight: 1}},
    ]);
  });
});
