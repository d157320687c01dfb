import type {Pod} from '../../lib/kubernetes.ts';
import {type Finding, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';
import {refusalCause} from './causes/refusal-cause.ts';
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
  const causes = refused.map(({status, spec}) =>
    refusalCause(status?.message ?? '', spec.nodeName ?? 'NAME'),
  );
  const [cause] = causes;
  // Several with different causes are told by the first's own words.
  const same = cause !== undefined && causes.every((other) => other?.what === cause.what);
  const whom = refused.length === 1 ? podName(first) : `${refused.length} pods`;
  const why = same ? `: ${cause.what}` : '';
  return [
    warning(
      'ND758',
      `the node refused ${whom}${why}\n${first.status?.message ?? ''}`,
      ...(same && cause.next !== undefined ? [cause.next] : []),
      `kubectl -n ${namespace} describe pod ${name}`,
    ),
  ];
}
