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
  async observe({sight}) {
    const [lease, node] = await Promise.all([sight.lease(), sight.node()]);
    const created = node.kind === 'there' ? node.object.metadata.creationTimestamp : undefined;
    return {lease, bornMs: Date.parse(created ?? '')};
  },
  judge: ({lease, bornMs}, context) =>
    lease.kind === 'missing' && context.nowMs - bornMs < graceMs
      ? []
      : judgeLease(lease, context.nowMs, command(context, 'logs kubelet')),
});

/** The lease of a Node that was made anew comes with its next renewal, every ten seconds. */
const graceMs = 15_000;

export function judgeLease(seen: Told<Lease>, nowMs: number, next: string): readonly Finding[] {
  if (seen.kind === 'refused') return [];
  if (seen.kind === 'missing') return [failure('ND743', 'the node has no lease', next)];
  const {renewTime, leaseDurationSeconds = defaultSeconds} = seen.object.spec ?? {};
  const ageMs = nowMs - Date.parse(renewTime ?? '');
  if (!Number.isNaN(ageMs) && ageMs <= leaseDurationSeconds * 1000) return [];
  const age = Number.isNaN(ageMs) ? 'never renewed' : `not renewed for ${agoText(ageMs)}`;
  return [failure('ND743', `the node’s lease was ${age}`, next)];
}
