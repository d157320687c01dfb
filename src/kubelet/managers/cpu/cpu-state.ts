import * as z from 'zod/mini';
import {type CpuSet, formatCpuSet, noCpus, parseCpuSet} from '../../../lib/cpu-set.ts';
import {checksum, goMap, goStruct, mapValues} from '../checksum.ts';

/** Kubernetes' name for it, in the kubelet's root. */
export const cpuStateName = 'cpu_manager_state';

export type CpuAssignments = ReadonlyMap<string, ReadonlyMap<string, CpuSet>>;

/** Who runs where: processors of their own by pod UID and container, and those that all others share. */
export type CpuState = {readonly shared: CpuSet; readonly assignments: CpuAssignments};

export const emptyCpuState: CpuState = {shared: noCpus, assignments: new Map()};

const fields = {policyName: z.string(), defaultCpuSet: z.string(), checksum: z.number()};
const schema = z.object({
  ...fields,
  entries: z._default(z.record(z.string(), z.record(z.string(), z.string())), {}),
});
/** Format 1, of Kubernetes before 1.18: by the containers' IDs. */
const firstSchema = z.object({...fields, entries: z._default(z.record(z.string(), z.string()), {})});

type File = Omit<z.output<typeof schema>, 'checksum'>;

/** cpumanager/state, format 2: what Kubernetes' own kubelet writes and reads. */
export function writeCpuState(policyName: string, {shared, assignments}: CpuState): string {
  const entries = Object.fromEntries(
    [...assignments].map(([uid, containers]) => [
      uid,
      Object.fromEntries([...containers].map(([name, cpus]) => [name, formatCpuSet(cpus)])),
    ]),
  );
  const defaultCpuSet = formatCpuSet(shared);
  const filled = Object.keys(entries).length === 0 ? {} : {entries};
  const sum = checksum(dumpOf({policyName, defaultCpuSet, entries}));
  return JSON.stringify({policyName, defaultCpuSet, ...filled, checksum: sum});
}

/** @throws for a damaged file, or one of another policy */
export function readCpuState(text: string, policyName: string): CpuState {
  const parsed = verified(JSON.parse(text));
  if (parsed.policyName !== policyName)
    throw new Error(
      `configured policy "${policyName}" differs from state checkpoint policy "${parsed.policyName}"`,
    );
  return {
    shared: read(parsed.defaultCpuSet),
    assignments: new Map(
      Object.entries(parsed.entries).map(([uid, containers]) => [
        uid,
        new Map(Object.entries(containers).map(([name, cpus]) => [name, read(cpus)])),
      ]),
    ),
  };
}

/** Both formats are the same words where nobody has anything: only the checksum tells them apart. */
function verified(content: unknown): File {
  const first = firstSchema.safeParse(content).data;
  if (first !== undefined && fits(first.checksum, dump(first, 'map[string]string', goMap(first.entries)))) {
    const [id] = Object.keys(first.entries);
    if (id === undefined) return {...first, entries: {}};
    throw new Error(`containerID "${id}" not found: Kubernetes before 1.18 has written this file`);
  }
  if (first !== undefined && Object.keys(first.entries).length > 0) throw new Error(corrupted);
  const parsed = schema.parse(content);
  if (!fits(parsed.checksum, dumpOf(parsed))) throw new Error(corrupted);
  return parsed;
}

const corrupted = 'checkpoint is corrupted';

/** An old file without one is taken as it is. */
function fits(given: number, dumped: string): boolean {
  return given === 0 || checksum(dumped) === given;
}

function read(text: string): CpuSet {
  const cpus = parseCpuSet(text);
  if (cpus === undefined) throw new Error(`could not parse cpu set "${text}"`);
  return cpus;
}

function dumpOf(state: File): string {
  return dump(state, 'map[string]map[string]string', goMap(mapValues(state.entries, goMap)));
}

function dump(
  {policyName, defaultCpuSet}: Omit<File, 'entries'>,
  entriesType: string,
  entries: string,
): string {
  const fields = goStruct(
    ['PolicyName', 'string', policyName],
    ['DefaultCPUSet', 'string', defaultCpuSet],
    ['Entries', entriesType, entries],
    ['Checksum', 'checksum.Checksum', 0],
  );
  return `(*state.CPUManagerCheckpoint)${fields}`;
}
