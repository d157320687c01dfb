import type {Pod} from '../../lib/kubernetes.ts';
import {type Finding, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';
import {podName} from './waiting.ts';

/** Failed pods stay until somebody deletes them; only a refusal of late is news. */
const lately = 3_600_000;

export const podRefusals = nodeCheck({
  name: 'PodRefusals',
  category: 'pods',
  codes: ['ND758'],
  looks: 'lists the pods that the kubelet rejected in the last hour',
  after: ['Authorized'],
  observe: ({sight}) => sight.pods(),
  judge: (seen, {nowMs}) => (seen.kind === 'there' ? judgeRefusals(seen.object, nowMs) : []),
});

export function judgeRefusals(pods: readonly Pod[], nowMs: number): readonly Finding[] {
  const refused = pods.filter(
    ({metadata, status}) =>
      metadata.deletionTimestamp === undefined &&
      status?.phase === 'Failed' &&
      /^Pod was rejected/.test(status.message ?? '') &&
      nowMs - Date.parse(status.startTime ?? metadata.creationTimestamp ?? '') < lately,
  );
  const [first] = refused;
  if (first === undefined) return [];
  const {namespace, name} = first.metadata;
  const what =
    refused.length === 1 ? `the node refused ${podName(first)}` : `the node refused ${refused.length} pods`;
  return [
    warning(
      'ND758',
      `${what}\n${first.status?.message ?? ''}`,
      `kubectl -n ${namespace} describe pod ${name}`,
    ),
  ];
}
