import type {PodStatus} from '../../../lib/kubernetes.ts';
import {type Condition, kubeletConditions} from './conditions.ts';
import {isTerminal} from './phase.ts';

/** Fields of the status that the kubelet writes; whatever else is there is somebody else's. */
const fields = [
  'observedGeneration',
  'phase',
  'reason',
  'message',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'startTime',
  'qosClass',
  'resources',
  'allocatedResources',
  'containerStatuses',
  'initContainerStatuses',
  'ephemeralContainerStatuses',
] as const satisfies readonly (keyof PodStatus)[];

/** The strategic merge patch that makes `wanted` of `base`; undefined when nothing differs. */
export function statusPatch(base: PodStatus, wanted: PodStatus): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  for (const field of fields) {
    if (isEqual(base[field], wanted[field])) continue;
    // What is immutable or unknown to us is never taken away.
    if (wanted[field] === undefined && !['reason', 'message'].includes(field)) continue;
    patch[field] = wanted[field] ?? null;
  }
  mergeByIp(patch, 'podIPs', base.podIPs);
  mergeByIp(patch, 'hostIPs', base.hostIPs);
  const conditions = changedConditions(base.conditions ?? [], ownConditions(base, wanted));
  if (conditions.length > 0) patch.conditions = conditions;
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** Lists that the API merges by `ip`: what shall not stay is named. */
function mergeByIp(
  patch: Record<string, unknown>,
  field: 'podIPs' | 'hostIPs',
  before: readonly {ip?: string}[] = [],
): void {
  const wanted = patch[field];
  if (!Array.isArray(wanted)) return;
  const keep = new Set(wanted.map(({ip}: {ip?: string}) => ip));
  const gone = before.filter(({ip}) => ip !== undefined && !keep.has(ip));
  patch[field] = [...wanted, ...gone.map(({ip}) => ({$patch: 'delete', ip}))];
}

/**
 * Of others' conditions an older sight would undo what they wrote. That a pod was made to go is told together with its
 * end only (status_manager.go, mergePodStatus).
 */
function ownConditions(base: PodStatus, wanted: PodStatus): Condition[] {
  const ends = isTerminal(wanted.phase) && !isTerminal(base.phase);
  return (wanted.conditions ?? []).filter(
    ({type}) => kubeletConditions.includes(type) || (ends && type === 'DisruptionTarget'),
  );
}

/** Conditions merge by type; a field that has gone is nulled, or it would stay. */
function changedConditions(base: readonly Condition[], wanted: readonly Condition[]): object[] {
  const gone = base.filter(
    ({type}) => kubeletConditions.includes(type) && !wanted.some((condition) => condition.type === type),
  );
  const changed = wanted.flatMap((condition) => {
    const before = base.find(({type}) => type === condition.type);
    if (isEqual(before, condition)) return [];
    const dropped = ['reason', 'message'].filter(
      (field) => before !== undefined && field in before && !(field in condition),
    );
    return [{...condition, ...Object.fromEntries(dropped.map((field) => [field, null]))}];
  });
  return [...changed, ...gone.map(({type}) => ({$patch: 'delete', type}))];
}

/** Readiness, phases and addresses are waited for by Services, controllers and people. */
export function isUrgent(base: PodStatus, wanted: PodStatus): boolean {
  const ready = (status: PodStatus) => status.conditions?.find(({type}) => type === 'Ready')?.status;
  return (
    isTerminal(wanted.phase) ||
    base.phase !== wanted.phase ||
    (ready(base) ?? 'False') !== ready(wanted) ||
    base.reason !== wanted.reason
  );
}

const addressFields = ['podIP', 'podIPs'];

/** Whether a patch only says that the pod has its network: what its containers do is to be told right behind it. */
export function isFollowed(wanted: PodStatus, patch: Readonly<Record<string, unknown>>): boolean {
  if (wanted.phase !== 'Pending') return false;
  const conditions: unknown = patch.conditions ?? [];
  const types = Array.isArray(conditions) ? conditions.map(({type}: Partial<Condition>) => type) : [];
  return (
    Object.keys(patch).every((field) => field === 'conditions' || addressFields.includes(field)) &&
    types.every((type) => type === 'PodReadyToStartContainers')
  );
}

/** Equal as JSON: an absent field, null and undefined are the same. Asked several times in every look at a pod. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === undefined || a === null || b === undefined || b === null) return (a ?? null) === (b ?? null);
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  return isCovered(a, b) && isCovered(b, a, true);
}

/** Whether every field of `a` is the same in `b`; where those that both have are known to be, only the others. */
function isCovered(a: object, b: object, onlyOthers = false): boolean {
  for (const key in a) {
    if (!Object.hasOwn(a, key) || (onlyOthers && Object.hasOwn(b, key))) continue;
    if (!isEqual(field(a, key), field(b, key))) return false;
  }
  return true;
}

function field(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? Reflect.get(object, key) : undefined;
}
