import {expect, it, vi} from 'vitest';
import {tellOfMachine} from '../../../../src/kubelet/node/machine-warnings.ts';

const words =
  'The tmpfs noswap option is not supported. Memory-backed volumes (e.g. secrets, emptyDirs, etc.) might be swapped to disk and should no longer be considered secure.';

/** swap_util.go, IsTmpfsNoswapOptionSupported, and who asks for it. */
it.each([
  {is: 'without swap', swaps: [], kernel: '5.15.0-91-generic', has: false, tried: 0, told: []},
  {is: 'with a kernel that has it', swaps: ['/swap'], kernel: '6.4.0', has: false, tried: 0, told: []},
  {is: 'with a later kernel', swaps: ['/swap'], kernel: '10.0-rc1', has: false, tried: 0, told: []},
  {
    is: 'with an older one that was given it',
    swaps: ['/swap'],
    kernel: '5.14.0-570.el9',
    has: true,
    tried: 1,
    told: [],
  },
  {is: 'with an older one', swaps: ['/swap'], kernel: '6.3.9', has: false, tried: 1, told: [words]},
])('tells $is: $told', async ({swaps, kernel, has, tried, told}) => {
  const tryNoswap = vi.fn(async () => has);
  const found: string[] = [];
  await tellOfMachine({cgroup: 2, swaps, kernel, tryNoswap}, (type, reason, message) => {
    expect([type, reason]).toEqual(['Warning', 'PossibleMemoryBackedVolumesOnDisk']);
    found.push(message);
  });
  expect(found).toEqual(told);
  expect(tryNoswap).toHaveBeenCalledTimes(tried);
});

/** kubelet_linux.go, cgroupVersionCheck. */
it('tells of cgroup v1', async () => {
  const found: string[] = [];
  const tryNoswap = async () => true;
  await tellOfMachine({cgroup: 1, swaps: [], kernel: '6.12.0', tryNoswap}, (...told) =>
    found.push(told.join(' ')),
  );
  expect(found).toEqual([
    'Warning CgroupV1 cgroup v1 detected. cgroup v1 support is deprecated and will be removed in a future release. Please migrate to cgroup v2. More information at https://git.k8s.io/enhancements/keps/sig-node/5573-remove-cgroup-v1',
  ]);
});
