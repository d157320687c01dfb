import {readlink} from 'node:fs/promises';
import {arch, hostname, release} from 'node:os';
import {exists, isMissing, listDirectory, readText} from '../files/files.ts';

/** What kind of machine this is, as far as decisions depend on it. */
export type Machine = {
  readonly root: boolean;
  readonly hostname: string;
  readonly arch: string;
  readonly kernel: string;
  readonly distribution: Distribution;
  /** systemd is PID 1 (sd_booted(3)). */
  readonly systemd: boolean;
  readonly cgroup: 1 | 2;
  readonly memoryBytes: number;
  readonly swaps: readonly string[];
  /** Without CAP_SYS_RESOURCE an oom_score_adj cannot be lowered: containerd must not try. */
  readonly canLowerOomScore: boolean;
  /** resolv.conf with real servers when systemd-resolved's stub is in /etc/resolv.conf. */
  readonly resolvConf: string | undefined;
  readonly machineId: string;
};

export type Distribution = {
  readonly id: string;
  readonly like: readonly string[];
  readonly version: string;
  readonly name: string;
};

const capSysResource = 1n << 24n;

export async function observeMachine(): Promise<Machine> {
  const [osRelease, status, memory, swaps, machineId, systemd, cgroup2, resolvConf] = await Promise.all([
    readText('/etc/os-release'),
    readText('/proc/self/status'),
    readText('/proc/meminfo'),
    readText('/proc/swaps'),
    readText('/etc/machine-id'),
    exists('/run/systemd/system'),
    exists('/sys/fs/cgroup/cgroup.controllers'),
    realResolvConf(),
  ]);
  return {
    root: process.geteuid?.() === 0,
    hostname: hostname(),
    arch: arch(),
    kernel: release(),
    distribution: parseOsRelease(osRelease ?? ''),
    systemd,
    cgroup: cgroup2 ? 2 : 1,
    memoryBytes: Number(/^MemTotal:\s+(\d+)/m.exec(memory ?? '')?.[1] ?? 0) * 1024,
    swaps: parseSwaps(swaps ?? ''),
    canLowerOomScore: (effectiveCapabilities(status ?? '') & capSysResource) !== 0n,
    resolvConf,
    machineId: (machineId ?? '').trim(),
  };
}

export function effectiveCapabilities(status: string): bigint {
  return BigInt(`0x${/^CapEff:\s+([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
}

/** os-release(5): KEY=value with optional quotes. */
export function parseOsRelease(text: string): Distribution {
  const fields = new Map(
    text.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1).replace(/^(["'])(.*)\1$/, '$2')] as const;
    }),
  );
  const id = fields.get('ID') ?? 'unknown';
  return {
    id,
    like: (fields.get('ID_LIKE') ?? '').split(' ').filter((word) => word !== ''),
    version: fields.get('VERSION_ID') ?? '',
    name: fields.get('PRETTY_NAME') ?? id,
  };
}

/** Devices and files in use as swap; zram too. */
export function parseSwaps(text: string): string[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => line.split(/\s+/)[0] || []);
}

async function realResolvConf(): Promise<string | undefined> {
  const real = '/run/systemd/resolve/resolv.conf';
  try {
    const target = await readlink('/etc/resolv.conf');
    return target.includes('systemd/resolve/stub-resolv.conf') && (await exists(real)) ? real : undefined;
  } catch (error) {
    if (isMissing(error) || (error instanceof Error && 'code' in error && error.code === 'EINVAL'))
      return undefined;
    throw error;
  }
}

/** The first directory that holds all these CNI plugins. */
export async function cniPluginDirectory(
  candidates: readonly string[],
  plugins: readonly string[],
): Promise<string | undefined> {
  for (const directory of candidates) {
    const names = await listDirectory(directory);
    if (plugins.every((plugin) => names.includes(plugin))) return directory;
  }
  return undefined;
}
