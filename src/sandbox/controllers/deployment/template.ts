import {createHash} from 'node:crypto';
import {isDeepStrictEqual} from 'node:util';
import type {Deployment, ReplicaSet} from '../../../lib/kubernetes.ts';

export const hashLabel = 'pod-template-hash';
export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const historyAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';

type Template = NonNullable<NonNullable<Deployment['spec']>['template']>;

/** Letters of apimachinery's SafeEncodeString: a name that spells nothing. */
const safe = 'bcdfghjklmnpqrstvwxz2456789';

/** A short name for a pod template; `collisions` moves it on where two templates met under one name. */
export function templateHash(template: Template | undefined, collisions: number | undefined): string {
  const text = JSON.stringify([sorted(template), collisions ?? 0]);
  const digest = createHash('sha256').update(text).digest();
  return Array.from(digest.subarray(0, 10), (byte) => safe[byte % safe.length]).join('');
}

/** Whether a ReplicaSet runs this very template, its hash label aside. */
export function runsTemplate(replicaSet: ReplicaSet, template: Template | undefined): boolean {
  return isDeepStrictEqual(comparable(replicaSet.spec?.template), comparable(template));
}

function comparable(template: Template | undefined): unknown {
  const {[hashLabel]: _, ...labels} = template?.metadata?.labels ?? {};
  const annotations = template?.metadata?.annotations ?? {};
  return {labels, annotations, spec: sorted(template?.spec)};
}

/** With keys in order and nothing undefined, so that equal things have equal text. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined && part !== null)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => [key, sorted(part)]),
  );
}

export function revisionOf(object: ReplicaSet | Deployment): number {
  return Number.parseInt(object.metadata.annotations?.[revisionAnnotation] ?? '0', 10) || 0;
}
