import type {CgroupSample} from '../../edges/cgroups/cgroup-sample.ts';
import type {Cri} from '../../edges/cri/client.ts';
import type {ContainerStats as CriStats} from '../../edges/cri/gen/api_pb.ts';
import type {Usage} from './types.ts';

/** What only the runtime knows of a container. */
export type RuntimeFigures = {
  readonly layer: Usage | undefined;
  /** For containers whose cgroup is not where it is looked for. */
  readonly sample: CgroupSample | undefined;
  readonly timeMs: number;
};

const timeoutMs = 10_000;

/** One call for all containers, by id. */
export async function readRuntimeFigures(cri: Cri): Promise<Map<string, RuntimeFigures>> {
  const {stats} = await cri.runtime.listContainerStats({}, {timeoutMs});
  return new Map(stats.map((stat) => [stat.attributes?.id ?? '', figures(stat)]));
}

function figures({cpu, memory, writableLayer}: CriStats): RuntimeFigures {
  const used = writableLayer?.usedBytes?.value;
  return {
    timeMs: Number((cpu?.timestamp ?? 0n) / 1_000_000n),
    layer:
      used === undefined
        ? undefined
        : {usedBytes: Number(used), inodesUsed: Number(writableLayer?.inodesUsed?.value ?? 0n)},
    sample: cpu?.usageCoreNanoSeconds === undefined ? undefined : sample(cpu, memory),
  };
}

function sample(cpu: NonNullable<CriStats['cpu']>, memory: CriStats['memory']): CgroupSample {
  const usageNs = Number(cpu.usageCoreNanoSeconds?.value ?? 0n);
  return {
    cpu: {usageNs, userNs: 0, systemNs: 0},
    io: [],
    limits: {},
    ...(memory === undefined
      ? {}
      : {
          memory: {
            usageBytes: Number(memory.usageBytes?.value ?? memory.workingSetBytes?.value ?? 0n),
            workingSetBytes: Number(memory.workingSetBytes?.value ?? 0n),
            rssBytes: Number(memory.rssBytes?.value ?? 0n),
            cacheBytes: 0,
            mappedFileBytes: 0,
            activeFileBytes: 0,
            inactiveFileBytes: 0,
            kernelBytes: 0,
            swapBytes: 0,
            failures: 0,
            pageFaults: Number(memory.pageFaults?.value ?? 0n),
            majorPageFaults: Number(memory.majorPageFaults?.value ?? 0n),
          },
        }),
  };
}
