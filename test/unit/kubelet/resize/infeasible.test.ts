import {describe, expect, it} from 'vitest';
import {allocationOf} from '../../../../src/kubelet/resize/allocation.ts';
import {infeasible} from '../../../../src/kubelet/resize/infeasible.ts';
import type {Container, PodSpec} from '../../../../src/lib/kubernetes.ts';
import {container, pod, seen} from '../pod/fixtures.ts';

/** Kubernetes' cases of resizes that a node can never do (allocation_manager_test.go), by their meaning. */
type Case = {
  readonly from: Container['resources'];
  readonly to: Container['resources'];
  readonly rest?: Partial<Container>;
  readonly spec?: Partial<PodSpec>;
  readonly cpu?: 'static';
  readonly memory?: 'Static';
  readonly swap?: boolean;
  readonly is: string | undefined;
};

const both = (cpu: string, memory: string) => ({requests: {cpu, memory}, limits: {cpu, memory}});
const asks = (memory: string, limit = '2Gi') => ({requests: {memory}, limits: {memory: limit}});
const swapping = 'In-place resize of containers with swap is not supported.';
const exclusive = (manager: string, policy: string) =>
  `Resize is infeasible for Guaranteed Pods alongside ${manager} Manager policy "${policy}"`;
const memoryRestarts = {resizePolicy: [{resourceName: 'memory', restartPolicy: 'RestartContainer'}]};
const cpuRestarts = {resizePolicy: [{resourceName: 'cpu', restartPolicy: 'RestartContainer'}]};

const cases: Readonly<Record<string, Case>> = {
  'no swap: memory may change': {from: asks('1Gi'), to: asks('500Mi'), is: undefined},
  'the request of a container that may swap': {
    swap: true,
    from: asks('1Gi'),
    to: asks('500Mi'),
    is: swapping,
  },
  'its limit alone': {swap: true, from: asks('1Gi'), to: asks('1Gi', '3Gi'), is: undefined},
  'its processors': {
    swap: true,
    from: {requests: {cpu: '1', memory: '1Gi'}},
    to: {requests: {cpu: '2', memory: '1Gi'}},
    is: undefined,
  },
  'its request, spelt another way': {swap: true, from: asks('1Gi'), to: asks('1024Mi'), is: undefined},
  'its request, where it starts again for that': {
    swap: true,
    from: asks('1Gi'),
    to: asks('500Mi'),
    rest: memoryRestarts,
    is: undefined,
  },
  'its request, where it starts again for processors only': {
    swap: true,
    from: asks('1Gi'),
    to: asks('500Mi'),
    rest: cpuRestarts,
    is: swapping,
  },
  'a container that comes to swap by its new request': {
    swap: true,
    from: asks('2Gi'),
    to: asks('1Gi'),
    // Beside a container without limits the pod is burstable all the time.
    spec: {initContainers: [container('setup')]},
    is: swapping,
  },
  'a critical pod does not swap': {
    swap: true,
    from: asks('1Gi'),
    to: asks('500Mi'),
    spec: {priority: 2_000_000_000},
    is: undefined,
  },
  'a guaranteed pod does not swap': {swap: true, from: both('1', '1Gi'), to: both('1', '2Gi'), is: undefined},
  'exclusive processors': {
    cpu: 'static',
    from: both('1', '1Gi'),
    to: both('2', '1Gi'),
    is: exclusive('CPU', 'static'),
  },
  'memory beside exclusive processors': {
    cpu: 'static',
    from: both('1', '1Gi'),
    to: both('1000m', '2Gi'),
    is: undefined,
  },
  'memory of its own': {
    memory: 'Static',
    from: both('1', '1Gi'),
    to: both('1', '2Gi'),
    is: exclusive('Memory', 'Static'),
  },
  'processors beside memory of its own': {
    memory: 'Static',
    from: both('1', '1Gi'),
    to: both('2', '1Gi'),
    is: undefined,
  },
  'a burstable pod has nothing of its own': {
    cpu: 'static',
    memory: 'Static',
    from: asks('1Gi'),
    to: asks('500Mi'),
    is: undefined,
  },
};

describe('a resize that can never be', () => {
  it.each(Object.entries(cases))('%s', (_, {from, to, rest, spec, cpu, memory, swap, is}) => {
    const made = (resources: Container['resources']) =>
      pod({...spec, containers: [container('main', {...rest, resources})]});
    const facts = {...seen().resources, swapAccounting: true, ...(swap ? {limitedSwapBytes: 2 ** 30} : {})};
    const policies = {cpuManagerPolicy: cpu ?? 'none', memoryManagerPolicy: memory ?? 'None'} as const;
    expect(infeasible(made(to), allocationOf(made(from)), facts, policies)?.message).toBe(is);
  });

  it('by swap on cgroup v1, or where the kernel does not account it, is none', () => {
    const made = (memory: string) => pod({containers: [container('main', {resources: asks(memory)})]});
    const policies = {cpuManagerPolicy: 'none', memoryManagerPolicy: 'None'} as const;
    const facts = {...seen().resources, limitedSwapBytes: 2 ** 30, swapAccounting: true};
    const told = (changes: object) =>
      infeasible(made('500Mi'), allocationOf(made('1Gi')), {...facts, ...changes}, policies)?.message;
    expect(told({})).toBe(swapping);
    expect(told({cgroupV2: false})).toBeUndefined();
    expect(told({swapAccounting: false})).toBeUndefined();
  });
});
