import {expect} from 'vitest';
import {until} from '../../integration/support/wait.ts';
import {limited, paged} from './pods.ts';
import type {Vm} from './vm.ts';
import {create, isReady, kernelValues, podIs, slice, slow} from './watch.ts';

const config = '/var/lib/kubelet/config.yaml';
const wish = `failSwapOn: false
memorySwap: {swapBehavior: LimitedSwap}
memoryReservationPolicy: TieredReservation
featureGates: {MemoryQoS: true}
`;
const mebibyte = 2 ** 20;
const swapMebibytes = 256;
const pages = 8;

/** Swap, pages of two mebibytes, and a kubelet that gives pods of them and keeps their memory. */
export async function giveMemory(vm: Vm): Promise<void> {
  await vm.sh(
    `fallocate -l ${swapMebibytes}M /swapfile && chmod 600 /swapfile && mkswap -q /swapfile && swapon /swapfile`,
  );
  await vm.sh(`echo 1 >/proc/sys/vm/compact_memory && echo ${pages} >/proc/sys/vm/nr_hugepages`);
  await vm.write('/root/wish', wish);
  await vm.sh(`cp -p ${config} /root/kept && cat /root/wish >>${config}`);
  await vm.nodectl('restart', 'kubelet');
  await until('the Node has swap and huge pages', async () => (await nodeOf(vm)).hugePages === '16Mi', {
    ...slow,
    instead: () => vm.kubectl(['get', 'node', 'fresh', '-o', 'jsonpath={.status}']),
  });
}

export async function takeMemoryBack(vm: Vm): Promise<void> {
  await vm.kubectl(['delete', 'pod', 'swapping', 'kept', 'paged']);
  await vm.sh(`cp -p /root/kept ${config} && rm /root/kept /root/wish`);
  await vm.sh('swapoff /swapfile && rm /swapfile && echo 0 >/proc/sys/vm/nr_hugepages');
  await vm.nodectl('restart', 'kubelet');
}

async function nodeOf(vm: Vm): Promise<{hugePages: string | undefined; swapBytes: number | undefined}> {
  const {status}: {status: {capacity: Record<string, string>; nodeInfo: {swap?: {capacity?: number}}}} =
    JSON.parse(await vm.kubectl(['get', 'node', 'fresh', '-o', 'json']));
  return {hugePages: status.capacity['hugepages-2Mi'], swapBytes: status.nodeInfo.swap?.capacity};
}

/** What the kernel holds of three pods' memory, by their slices and by their containers. */
export async function expectMemory(vm: Vm): Promise<void> {
  await create(vm, limited.swapping, limited.kept, paged);
  for (const name of ['swapping', 'kept', 'paged']) await podIs(vm, name, 'is Ready', isReady);
  const totals = await meminfo(vm);
  expect((await nodeOf(vm)).swapBytes).toBe(totals.swap);
  const request = 32 * mebibyte;
  // A container may swap as much of all swap as it requests of all memory; the kernel counts whole pages.
  const swap = whole(Math.trunc((request / totals.memory) * totals.swap));
  expect(swap).toBeGreaterThan(0);
  const swapping = await slice(vm, 'swapping', 'burstable');
  const kept = await slice(vm, 'kept', '');
  expect(await ofPod(vm, swapping)).toEqual({...nothing, 'memory.low': String(request)});
  expect(await ofContainer(vm, swapping, 'swapping')).toEqual({
    ...nothing,
    'memory.low': String(request),
    'memory.high': String(whole(request + 0.9 * 64 * mebibyte)),
    'memory.swap.max': String(swap),
  });
  const hard = {...nothing, 'memory.min': String(64 * mebibyte)};
  expect(await ofPod(vm, kept)).toEqual(hard);
  expect(await ofContainer(vm, kept, 'kept')).toEqual({...hard, 'memory.swap.max': '0'});
  await expectPages(vm, kept);
  // What children keep holds only as far as their parents keep it too.
  await keeps(vm, '', 'memory.min', 96 * mebibyte);
  await keeps(vm, '/kubepods-burstable.slice', 'memory.low', request);
}

/** The classes follow their pods in rounds. */
async function keeps(vm: Vm, tier: string, file: string, least: number): Promise<void> {
  const read = () => vm.sh(`cat /sys/fs/cgroup/kubepods.slice${tier}/${file}`);
  await until(`${file} of the pods${tier} is ${least}`, async () => Number(await read()) >= least, {
    ...slow,
    instead: read,
  });
}

/** Of pods alone: unless it is told otherwise containerd leaves its containers to them (disable_hugetlb_controller). */
async function expectPages(vm: Vm, other: string): Promise<void> {
  const own = await slice(vm, 'paged', '');
  const files = ['hugetlb.2MB.max', 'hugetlb.2MB.rsvd.max'];
  const all = (bytes: number) => Object.fromEntries(files.map((file) => [file, String(bytes)]));
  expect(await kernelValues(vm, own, files)).toEqual(all(4 * mebibyte));
  expect(await kernelValues(vm, other, files)).toEqual(all(0));
  const mounts = await vm.kubectl(['exec', 'paged', '--', 'grep', ' /pages ', '/proc/mounts']);
  expect(mounts).toMatch(/ hugetlbfs .*pagesize=2M/);
}

const nothing = {'memory.min': '0', 'memory.low': '0', 'memory.high': 'max', 'memory.swap.max': 'max'};

function ofPod(vm: Vm, path: string): Promise<Record<string, string>> {
  return kernelValues(vm, path, Object.keys(nothing));
}

async function ofContainer(vm: Vm, path: string, pod: string): Promise<Record<string, string>> {
  return kernelValues(vm, await scopeOf(vm, path, pod), Object.keys(nothing));
}

/** Of the pod's only container; the sandbox has another. */
async function scopeOf(vm: Vm, path: string, pod: string): Promise<string> {
  const id = await vm.kubectl([
    'get',
    'pod',
    pod,
    '-o',
    'jsonpath={.status.containerStatuses[0].containerID}',
  ]);
  return `${path}/cri-containerd-${id.replace(/^.*\/\//, '')}.scope`;
}

async function meminfo(vm: Vm): Promise<{memory: number; swap: number}> {
  const text = await vm.sh('grep -E "^(MemTotal|SwapTotal):" /proc/meminfo');
  const [memory = 0, swap = 0] = [...text.matchAll(/(\d+) kB/g)].map(([, number]) => Number(number) * 1024);
  return {memory, swap};
}

function whole(bytes: number): number {
  return Math.floor(bytes / 4096) * 4096;
}
