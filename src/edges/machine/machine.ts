import {arch, hostname, release} from 'node:os';
import {namesNoServer, resolvedConf} from '../../config/machine/resolv-conf.ts';
import {exists, listDirectory, readText} from '../files/files.ts';

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
  /** resolv.conf with real servers, where /etc/resolv.conf has none but systemd-resolved's stub. */
  readonly resolvConf: string | undefined;
  /** systemd-resolved keeps its own resolv.conf here. */
  readonly resolved: boolean;
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
  const [osRelease, status, memory, swaps, machineId, systemd, cgroup2, resolvConf, resolved] =
    await Promise.all([
      readText('/etc/os-release'),
      readText('/proc/self/status'),
      readText('/proc/meminfo'),
      readText('/proc/swaps'),
      readText('/etc/machine-id'),
      exists('/run/systemd/system'),
      exists('/sys/fs/cgroup/cgroup.controllers'),
      readText('/etc/resolv.conf'),
      exists(resolvedConf),
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
    resolvConf: resolved && namesNoServer(resolvConf ?? '') ? resolvedConf : undefined,
    resolved,
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
