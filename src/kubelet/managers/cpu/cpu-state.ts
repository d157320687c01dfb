import * as z from 'zod/mini';
import {type CpuSet, formatCpuSet, noCpus, parseCpuSet} from '../../../lib/cpu-set.ts';
import {checksum, goMap, goStruct, mapValues} from '../checksum.ts';

/** Kubernetes' name for it, in the kubelet's root. */
export const cpuStateName = 'cpu_manager_state';

export type CpuAssignments = ReadonlyMap<string, ReadonlyMap<string, CpuSet>>;

/** Who runs where: processors of their own by pod UID and container, and those that all others share. */
export type CpuState = {readonly shared: CpuSet; readonly assignments: CpuAssignments};

export const emptyCpuState: CpuState = {shared: noCpus, assignments: new Map()};

const schema = z.object({
  policyName: z.string(),
  defaultCpuSet: z.string(),
  entries: z._default(z.record(z.string(), z.record(z.string(), z.string())), {}),
  checksum: z.number(),
});

type File = Omit<z.output<typeof schema>, 'checksum'>;

/** cpumanager/state, format 2: what Kubernetes' own kubelet writes and reads. */
export function writeCpuState(policyName: string, {shared, assignments}: CpuState): string {
  const entries = Object.fromEntries(
    [...assignments].map(([uid, containers]) => [
      uid,
      Object.fromEntries([...containers].map(([name, cpus]) => [name, formatCpuSet(cpus)])),
    ]),
  );
  const file = {policyName, defaultCpuSet: formatCpuSet(shared), entries};
  const filled = Object.keys(entries).length === 0 ? {} : {entries};
  const {defaultCpuSet} = file;
  return JSON.stringify({policyName, defaultCpuSet, ...filled, checksum: checksum(dump(file))});
}

/** @throws for a damaged file, or one of another policy */
export function readCpuState(text: string, policyName: string): CpuState {
  const parsed = schema.parse(JSON.parse(text));
  // An old file without one is taken as it is.
  if (parsed.checksum !== 0 && checksum(dump(parsed)) !== parsed.checksum)
    throw new Error('checkpoint is corrupted');
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

function read(text: string): CpuSet {
  const cpus = parseCpuSet(text);
  if (cpus === undefined) throw new Error(`could not parse cpu set "${text}"`);
  return cpus;
}

function dump({policyName, defaultCpuSet, entries}: File): string {
  const fields = goStruct(
    ['PolicyName', 'string', policyName],
    ['DefaultCPUSet', 'string', defaultCpuSet],
    ['Entries', 'map[string]map[string]string', goMap(mapValues(entries, goMap))],
    ['Checksum', 'checksum.Checksum', 0],
  );
  return `(*state.CPUManagerCheckpoint)${fields}`;
}
