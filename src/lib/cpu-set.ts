/** Numbers of processors, as the kernel and Kubernetes write them: `0-3,8`. */
export type CpuSet = ReadonlySet<number>;

export const noCpus: CpuSet = new Set();

/** Undefined for a text that is no list of processors. */
export function parseCpuSet(text: string): CpuSet | undefined {
  const cpus = new Set<number>();
  if (text.trim() === '') return cpus;
  for (const part of text.trim().split(',')) {
    const match = /^\s*(\d{1,6})\s*(?:-\s*(\d{1,6}))?\s*$/.exec(part);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first) return undefined;
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return cpus;
}

export function formatCpuSet(cpus: CpuSet): string {
  const parts: string[] = [];
  let first: number | undefined;
  let last = -1;
  const end = () => {
    if (first !== undefined) parts.push(first === last ? String(first) : `${first}-${last}`);
  };
  for (const cpu of sorted(cpus)) {
    if (first !== undefined && cpu === last + 1) {
      last = cpu;
      continue;
    }
    end();
    first = cpu;
    last = cpu;
  }
  end();
  return parts.join(',');
}

export function sorted(cpus: Iterable<number>): number[] {
  return [...cpus].sort((a, b) => a - b);
}

export function union(...sets: readonly CpuSet[]): CpuSet {
  return new Set(sets.flatMap((set) => [...set]));
}

export function difference(cpus: CpuSet, without: CpuSet): CpuSet {
  return new Set([...cpus].filter((cpu) => !without.has(cpu)));
}

export function intersection(a: CpuSet, b: CpuSet): CpuSet {
  return new Set([...a].filter((cpu) => b.has(cpu)));
}

export function isSameSet(a: CpuSet, b: CpuSet): boolean {
  return a.size === b.size && [...a].every((cpu) => b.has(cpu));
}
