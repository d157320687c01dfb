import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import {openCgroupReader} from '../../../src/edges/cgroups/cgroup-stats.ts';

let root = '';
afterEach(() => rmSync(root, {recursive: true, force: true}));

/** A tree of cgroup files, as the kernel writes them. */
async function reader(files: Readonly<Record<string, string>>) {
  root = mkdtempSync(join(tmpdir(), 'nodectl-cgroups-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), {recursive: true});
    writeFileSync(join(root, name), text);
  }
  return openCgroupReader(root);
}

const pod = 'kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice';
/** Of a Linux 6.1 with PSI. */
const v2 = {
  'cgroup.controllers': 'cpuset cpu io memory hugetlb pids rdma misc\n',
  [`${pod}/cpu.stat`]:
    'usage_usec 5123456\nuser_usec 3000000\nsystem_usec 2123456\ncore_sched.force_idle_usec 0\nnr_periods 40\nnr_throttled 7\nthrottled_usec 900001\nnr_bursts 2\nburst_usec 30\n',
  [`${pod}/cpu.weight`]: '20\n',
  [`${pod}/cpu.max`]: '50000 100000\n',
  [`${pod}/memory.stat`]:
    'anon 10485760\nfile 20971520\nkernel 1048576\nkernel_stack 32768\nfile_mapped 4096\ninactive_anon 1\nactive_anon 2\ninactive_file 8388608\nactive_file 12582912\npgfault 777\npgmajfault 3\n',
  [`${pod}/memory.current`]: '33554432\n',
  [`${pod}/memory.peak`]: '40000000\n',
  [`${pod}/memory.events`]: 'low 0\nhigh 1\nmax 5\noom 2\noom_kill 2\noom_group_kill 0\n',
  [`${pod}/memory.swap.current`]: '8192\n',
  [`${pod}/memory.swap.max`]: '0\n',
  [`${pod}/memory.max`]: '67108864\n',
  [`${pod}/memory.low`]: '0\n',
  [`${pod}/pids.current`]: '9\n',
  [`${pod}/pids.max`]: 'max\n',
  [`${pod}/io.stat`]:
    '254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n254:16 \n8:0 rbytes=1 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n',
  [`${pod}/cpu.pressure`]:
    'some avg10=1.50 avg60=0.25 avg300=0.05 total=1234\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=99\n',
  [`${pod}/memory.pressure`]:
    'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
  [`${pod}/cgroup.procs`]: '',
  [`${pod}/cri-containerd-abc.scope/cgroup.procs`]: '17\n18\n',
};

describe('cgroup v2', () => {
  it('is read from its files', async () => {
    const cgroups = await reader(v2);
    expect(cgroups.v2).toBe(true);
    expect(cgroups.sample(`/${pod}`)).toEqual({
      cpu: {
        usageNs: 5_123_456_000,
        userNs: 3_000_000_000,
        systemNs: 2_123_456_000,
        periods: 40,
        throttledPeriods: 7,
        throttledNs: 900_001_000,
        bursts: 2,
        burstNs: 30_000,
      },
      memory: {
        usageBytes: 33_554_432,
        maxUsageBytes: 40_000_000,
        workingSetBytes: 33_554_432 - 8_388_608,
        rssBytes: 10_485_760,
        cacheBytes: 20_971_520,
        mappedFileBytes: 4096,
        activeFileBytes: 12_582_912,
        inactiveFileBytes: 8_388_608,
        kernelBytes: 1_048_576,
        swapBytes: 8192,
        failures: 5,
        pageFaults: 777,
        majorPageFaults: 3,
        oomKills: 2,
      },
      pids: {current: 9},
      io: [
        {device: '254:0', reads: 1, writes: 2, readBytes: 4096, writeBytes: 8192},
        {device: '254:16', reads: 0, writes: 0, readBytes: 0, writeBytes: 0},
        {device: '8:0', reads: 1, writes: 0, readBytes: 1, writeBytes: 0},
      ],
      limits: {
        cpuShares: 500,
        cpuQuota: 50_000,
        cpuPeriod: 100_000,
        memoryBytes: 67_108_864,
        memoryReservationBytes: 0,
        swapBytes: 0,
      },
      pressure: {
        cpu: {
          some: {avg10: 1.5, avg60: 0.25, avg300: 0.05, totalUs: 1234},
          full: {avg10: 0, avg60: 0, avg300: 0, totalUs: 99},
        },
        memory: {
          some: {avg10: 0, avg60: 0, avg300: 0, totalUs: 0},
          full: {avg10: 0, avg60: 0, avg300: 0, totalUs: 0},
        },
      },
    });
    expect(cgroups.children(`/${pod}`)).toEqual(['cri-containerd-abc.scope']);
    expect(cgroups.processes(`/${pod}/cri-containerd-abc.scope`)).toEqual([17, 18]);
  });

  it('tells what is used of the processor alone as it does with all else', async () => {
    const cgroups = await reader(v2);
    expect(cgroups.cpuNs(`/${pod}`)).toBe(cgroups.sample(`/${pod}`)?.cpu?.usageNs);
    expect(cgroups.cpuNs('/gone')).toBeUndefined();
  });

  it('has no limit where the kernel says max, and no figures that an old kernel lacks', async () => {
    const {[`${pod}/memory.peak`]: _, ...old} = v2;
    const cgroups = await reader({
      ...old,
      [`${pod}/memory.max`]: 'max\n',
      [`${pod}/memory.swap.max`]: 'max\n',
      [`${pod}/cpu.max`]: 'max 100000\n',
      [`${pod}/memory.events`]: 'low 0\nhigh 0\nmax 0\noom 0\n',
    });
    const sample = cgroups.sample(`/${pod}`);
    expect(sample?.limits).toEqual({cpuShares: 500, cpuPeriod: 100_000, memoryReservationBytes: 0});
    expect(sample?.memory).not.toHaveProperty('maxUsageBytes');
    expect(sample?.memory).not.toHaveProperty('oomKills');
  });

  it('has a working set of nothing where all pages may go, and nothing where there is no cgroup', async () => {
    const cgroups = await reader({...v2, [`${pod}/memory.current`]: '4096\n'});
    expect(cgroups.sample(`/${pod}`)?.memory?.workingSetBytes).toBe(0);
    expect(cgroups.sample('/gone.slice')).toBeUndefined();
    expect(cgroups.children('/gone.slice')).toEqual([]);
    expect(cgroups.processes('/gone.slice')).toEqual([]);
  });
});

describe('cgroup v1', () => {
  const place = 'kubepods/pod1';
  const v1 = {
    [`cpuacct/${place}/cpuacct.usage`]: '5123456789\n',
    [`cpuacct/${place}/cpuacct.stat`]: 'user 300\nsystem 212\n',
    [`cpu/${place}/cpu.stat`]: 'nr_periods 40\nnr_throttled 7\nthrottled_time 900001000\n',
    [`cpu/${place}/cpu.shares`]: '512\n',
    [`cpu/${place}/cpu.cfs_quota_us`]: '-1\n',
    [`cpu/${place}/cpu.cfs_period_us`]: '100000\n',
    [`memory/${place}/memory.stat`]:
      'cache 1\nrss 2\ninactive_file 3\ntotal_cache 20971520\ntotal_rss 10485760\ntotal_mapped_file 4096\ntotal_swap 0\ntotal_pgfault 777\ntotal_pgmajfault 3\ntotal_inactive_file 8388608\ntotal_active_file 12582912\n',
    [`memory/${place}/memory.usage_in_bytes`]: '33554432\n',
    [`memory/${place}/memory.max_usage_in_bytes`]: '40000000\n',
    [`memory/${place}/memory.failcnt`]: '5\n',
    [`memory/${place}/memory.limit_in_bytes`]: '9223372036854771712\n',
    [`memory/${place}/memory.soft_limit_in_bytes`]: '9223372036854771712\n',
    [`memory/${place}/memory.oom_control`]: 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
    [`pids/${place}/pids.current`]: '9\n',
    [`pids/${place}/pids.max`]: '100\n',
    [`blkio/${place}/blkio.throttle.io_service_bytes_recursive`]:
      '8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 1\n8:0 Total 12288\nTotal 12288\n',
    [`blkio/${place}/blkio.throttle.io_serviced_recursive`]:
      '8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n',
  };

  it('is told in the same words', async () => {
    const cgroups = await reader(v1);
    expect(cgroups.v2).toBe(false);
    expect(cgroups.sample(`/${place}`)).toMatchObject({
      cpu: {usageNs: 5_123_456_789, userNs: 3e9, systemNs: 2.12e9, throttledNs: 900_001_000},
      memory: {
        usageBytes: 33_554_432,
        workingSetBytes: 25_165_824,
        rssBytes: 10_485_760,
        failures: 5,
        oomKills: 2,
      },
      pids: {current: 9, limit: 100},
      io: [{device: '8:0', reads: 1, writes: 2, readBytes: 4096, writeBytes: 8192}],
    });
    expect(cgroups.cpuNs(`/${place}`)).toBe(5_123_456_789);
    // -1 and the largest number of pages are no limits.
    expect(cgroups.sample(`/${place}`)?.limits).toEqual({cpuShares: 512, cpuPeriod: 100_000});
  });
});
