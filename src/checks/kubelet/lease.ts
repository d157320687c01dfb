import type {Lease} from '../../lib/kubernetes.ts';
import {type Finding, failure} from '../check.ts';
import {agoText} from '../node/ago.ts';
import {command, nodeCheck, type Told} from '../node/context.ts';

/** nodeLeaseDurationSeconds' default; the controller's node-monitor-grace-period is 50 s since 1.32. */
const defaultSeconds = 40;

export const nodeLease = nodeCheck({
  name: 'NodeLease',
  category: 'kubelet',
  codes: ['ND743'],
  looks: 'reads the node’s Lease',
  after: ['NodeObject'],
  blames: ['KubeletService', 'KubeletHealth', 'Clock', 'DiskRoom'],
  observe: ({sight}) => sight.lease(),
  judge: (seen, context) => judgeLease(seen, context.nowMs, command(context, 'logs kubelet')),
});

export function judgeLease(seen: Told<Lease>, nowMs: number, next: string): readonly Finding[] {
  if (seen.kind === 'refused') return [];
  if (seen.kind === 'missing') return [failure('ND743', 'the node has no lease', next)];
  const {renewTime, leaseDurationSeconds = defaultSeconds} = seen.object.spec ?? {};
  const ageMs = nowMs - Date.parse(renewTime ?? '');
  if (!Number.isNaN(ageMs) && ageMs <= leaseDurationSeconds * 1000) return [];
  const age = Number.isNaN(ageMs) ? 'never renewed' : `not renewed for ${agoText(ageMs)}`;
  return [failure('ND743', `the node’s lease was ${age}`, next)];
}
