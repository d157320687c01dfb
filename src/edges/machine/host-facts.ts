import {arch, release} from 'node:os';
import {listDirectory, readText} from '../files/files.ts';
import {diskSpace} from '../mounts/disk.ts';

/** What a machine is and has, as its Node object reports it. */
export type HostFacts = {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** What could be used without reclaiming anything that is in use. */
  readonly memoryAvailableBytes: number;
  readonly swapBytes: number;
  /** Bytes in pages of each size, by the size in bytes. */
  readonly hugePages: ReadonlyMap<number, number>;
  readonly disk: {
    readonly totalBytes: number;
    readonly freeBytes: number;
    readonly totalInodes: number;
    readonly freeInodes: number;
  };
  readonly pids: {readonly max: number; readonly used: number};
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernel: string;
  readonly osImage: string;
  /** As Go names it: amd64, arm64. */
  readonly architecture: string;
};

const goArchitectures: Readonly<Record<string, string>> = {x64: 'amd64', ia32: '386', ppc64: 'ppc64le'};

export function goArchitecture(): string {
  return goArchitectures[arch()] ?? arch();
}

/** Reads everything anew; `rootDir` says whose disk is the node's. */
export async function readHostFacts(rootDir: string): Promise<HostFacts> {
  const [cpuinfo, meminfo, hugePages, disk, pids, identity] = await Promise.all([
    readText('/proc/cpuinfo'),
    readText('/proc/meminfo'),
    readHugePages(),
    diskSpace(rootDir),
    readPids(),
    readIdentity(),
  ]);
  const memory = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(meminfo ?? '')?.[1] ?? 0) * 1024;
  return {
    cpus: cpuinfo?.match(/^processor\s*:/gm)?.length ?? 1,
    memoryBytes: memory('MemTotal'),
    memoryAvailableBytes: memory('MemAvailable'),
    swapBytes: memory('SwapTotal'),
    hugePages,
    disk,
    pids,
    ...identity,
  };
}

async function readHugePages(): Promise<Map<number, number>> {
  const directory = '/sys/kernel/mm/hugepages';
  const sizes = (await listDirectory(directory)).flatMap((name) => {
    const kilobytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    return kilobytes === undefined ? [] : [{name, bytes: Number(kilobytes) * 1024}];
  });
  const found = await Promise.all(
    sizes.map(async ({name, bytes}): Promise<[number, number]> => {
      const pages = Number((await readText(`${directory}/${name}/nr_hugepages`)) ?? 0);
      return [bytes, pages * bytes];
    }),
  );
  return new Map(found.sort(([a], [b]) => a - b));
}

/** The fourth field of loadavg is `running/all` kernel tasks: what pid_max and threads-max bound. */
export async function readPids(): Promise<{max: number; used: number}> {
  const [pidMax, threadsMax, loadavg] = await Promise.all([
    readText('/proc/sys/kernel/pid_max'),
    readText('/proc/sys/kernel/threads-max'),
    readText('/proc/loadavg'),
  ]);
  return {
    max: Math.min(Number(pidMax ?? 32_768), Number(threadsMax ?? 32_768)),
    used: Number(/\d+\/(\d+)/.exec(loadavg ?? '')?.[1] ?? 0),
  };
}

async function readIdentity(): Promise<
  Pick<HostFacts, 'machineId' | 'systemUuid' | 'bootId' | 'kernel' | 'osImage' | 'architecture'>
> {
  const [machineId, productUuid, bootId, osRelease] = await Promise.all([
    firstOf('/etc/machine-id', '/var/lib/dbus/machine-id'),
    firstOf('/sys/class/dmi/id/product_uuid', '/proc/device-tree/system-id', '/proc/device-tree/vm,uuid'),
    firstOf('/proc/sys/kernel/random/boot_id'),
    firstOf('/etc/os-release', '/usr/lib/os-release'),
  ]);
  const pretty = /^PRETTY_NAME=(?:"([^"]*)"|(.*))$/m.exec(osRelease);
  return {
    machineId,
    systemUuid: productUuid.replaceAll('\0', '') || machineId,
    bootId,
    kernel: release(),
    osImage: pretty?.[1] ?? pretty?.[2] ?? 'Linux',
    architecture: goArchitecture(),
  };
}

/** The first of these files that can be read and is not empty. */
async function firstOf(...paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const text = (await readText(path).catch(() => undefined))?.trim();
    if (text !== undefined && text !== '') return text;
  }
  return '';
}
