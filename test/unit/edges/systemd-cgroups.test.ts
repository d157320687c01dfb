import {describe, expect, it} from 'vitest';
import {sliceProperties} from '../../../src/edges/cgroups/systemd-cgroups.ts';

describe('the properties of a pod’s slice', () => {
  const amounts = (...args: Parameters<typeof sliceProperties>) =>
    Object.fromEntries(
      sliceProperties(...args)
        .filter(([, type]) => type === 't')
        .map(([name, , value]) => [name, value]),
    );

  it('are exact limits under cgroup v2', () => {
    expect(
      amounts(
        {
          cpuShares: 256,
          cpuWeight: 10,
          cpuQuota: 25_000,
          cpuPeriod: 100_000,
          memoryBytes: 67_108_864,
          pids: 99,
        },
        true,
      ),
    ).toEqual({
      CPUWeight: '10',
      CPUQuotaPerSecUSec: '250000',
      CPUQuotaPeriodUSec: '100000',
      MemoryMax: '67108864',
      TasksMax: '99',
    });
  });

  it('have their old names under v1', () => {
    expect(amounts({cpuShares: 256, cpuWeight: 10, memoryBytes: 4096}, false)).toEqual({
      CPUShares: '256',
      MemoryLimit: '4096',
    });
  });

  it('round a quota up to the whole percent that systemd keeps, and know no quota', () => {
    expect(amounts({cpuQuota: 1_001, cpuPeriod: 100_000}, true)).toMatchObject({CPUQuotaPerSecUSec: '20000'});
    expect(amounts({cpuQuota: -1, cpuPeriod: 100_000}, true)).toMatchObject({
      CPUQuotaPerSecUSec: '18446744073709551615',
    });
  });

  it('keep memory where the kernel can', () => {
    expect(amounts({memoryMin: 1, memoryLow: 2}, true)).toEqual({MemoryMin: '1', MemoryLow: '2'});
    expect(amounts({memoryMin: 1, memoryLow: 2}, false)).toEqual({});
  });

  it('leave alone what is not asked for', () => {
    expect(amounts({}, true)).toEqual({});
    expect(sliceProperties({}, true)).toContainEqual(['MemoryAccounting', 'b', 'true']);
  });
});
