import {describe, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import {startProblem} from '../../../../src/kubelet/agent/startup.ts';

describe('startProblem', () => {
  const {config} = loadKubeletConfig([], {}, 'n1');
  const good = {swaps: [], cgroup: 2, owners: [], kernel: []} as const;
  it.each([
    [{}, {}, undefined],
    [
      {owners: [{port: 10250, pid: 7, command: 'kubelet'}]},
      {},
      /port 10250 is in use by process 7 \(kubelet\)/,
    ],
    [{swaps: ['/dev/sda2']}, {}, /swap is on \(\/dev\/sda2\)/],
    [{swaps: ['/dev/sda2']}, {failSwapOn: false}, undefined],
    [{cgroup: 1 as const}, {}, /failCgroupV1/],
    [{cgroup: 1 as const}, {failCgroupV1: false}, undefined],
    [{cgroup: 1 as const}, {failCgroupV1: false, singleProcessOOMKill: false}, /singleProcessOOMKill/],
    [{cgroup: 1 as const}, {failCgroupV1: false, singleProcessOOMKill: true}, undefined],
    [{}, {singleProcessOOMKill: false}, undefined],
    [{kernel: ['vm.overcommit_memory is 0, not 1']}, {}, undefined],
    [
      {kernel: ['vm.overcommit_memory is 0, not 1']},
      {protectKernelDefaults: true},
      /protectKernelDefaults is true, and vm.overcommit_memory is 0, not 1/,
    ],
  ])('%j with %j', (machine, over, message) => {
    const problem = startProblem({...config, ...over}, {...good, ...machine});
    if (message === undefined) expect(problem).toBeUndefined();
    else expect(problem?.message).toMatch(message);
  });
});
