import {describe, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';

const load = (...lines: readonly string[]) =>
  loadKubeletConfig(
    [
      {
        path: 'config.yaml',
        text: ['apiVersion: kubelet.config.k8s.io/v1beta1', 'kind: KubeletConfiguration', ...lines].join(
          '\n',
        ),
      },
    ],
    {},
    'n1',
  ).config;

describe('the configuration of the managers', () => {
  it('takes named processors in place of numbers of them', () => {
    const config = load(
      'cpuManagerPolicy: static',
      'reservedSystemCPUs: "0,1"',
      'kubeReserved: {cpu: 500m, memory: 1Gi}',
      'cpuManagerPolicyOptions: {full-pcpus-only: "true"}',
    );
    expect(config.systemReserved.cpu).toBe('2');
    expect(config.kubeReserved).toEqual({memory: '1Gi'});
    expect(config.reservedSystemCPUs).toBe('0-1');
  });

  it.each([
    [['cpuManagerPolicy: static'], 'static needs systemReserved.cpu + kubeReserved.cpu'],
    [['cpuManagerPolicyOptions: {full-pcpus-only: "true"}'], 'the none policy takes no options'],
    [
      ['cpuManagerPolicy: static', 'reservedSystemCPUs: "0"', 'cpuManagerPolicyOptions: {fast: "true"}'],
      'fast: is not known',
    ],
    [
      [
        'cpuManagerPolicy: static',
        'reservedSystemCPUs: "0"',
        'cpuManagerPolicyOptions: {align-by-socket: "true"}',
      ],
      'needs the feature gate CPUManagerPolicyAlphaOptions',
    ],
    [['reservedSystemCPUs: 0-x'], 'is no list of processors'],
    [['memoryManagerPolicy: Static'], 'reservedMemory: needed by memoryManagerPolicy Static'],
    [
      ['reservedMemory: [{numaNode: 0, limits: {cpu: "1"}}]'],
      'only memory and hugepages-<size> are accepted',
    ],
    [
      ['reservedMemory: [{numaNode: 0, limits: {memory: 1Gi}}, {numaNode: 0, limits: {memory: 1Gi}}]'],
      'is given twice',
    ],
    [
      ['topologyManagerPolicy: restricted', 'topologyManagerPolicyOptions: {max-allowable-numa-nodes: "4"}'],
      'of 8 or more',
    ],
  ])('refuses %j', (lines, words) => {
    expect(() => load(...lines)).toThrow(words);
  });
});
