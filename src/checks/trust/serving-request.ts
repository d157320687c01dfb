import type {CertificateSigningRequest} from '../../lib/kubernetes.ts';
import {type Finding, warning} from '../check.ts';
import {agoText} from '../node/ago.ts';
import {nodeCheck, type Told} from '../node/context.ts';

/** Clusters with an approver of their own need a moment. */
const graceMs = 5_000;

/** kube-controller-manager approves no serving certificate: somebody has to. */
export const servingRequest = nodeCheck({
  name: 'ServingCertificate',
  category: 'trust',
  codes: ['ND418'],
  looks: 'lists this node’s requests for serving certificates, where serverTLSBootstrap is on',
  after: ['Authorized'],
  async observe({sight}) {
    const config = await sight.kubeletConfig().catch(() => undefined);
    return config?.serverTLSBootstrap === true ? sight.servingRequests() : undefined;
  },
  judge: (seen, {nowMs}) => (seen === undefined ? [] : judgeRequests(seen, nowMs)),
});

export function judgeRequests(
  seen: Told<readonly CertificateSigningRequest[]>,
  nowMs: number,
): readonly Finding[] {
  if (seen.kind !== 'there') return [];
  const waiting = seen.object
    .map(({metadata}) => ({
      name: metadata.name,
      ageMs: nowMs - Date.parse(metadata.creationTimestamp ?? ''),
    }))
    .filter(({ageMs}) => ageMs > graceMs)
    .sort((a, b) => a.ageMs - b.ageMs);
  const [newest] = waiting;
  if (newest === undefined) return [];
  return [
    warning(
      'ND418',
      `the kubelet’s serving certificate waits for approval for ${agoText(newest.ageMs)}`,
      `kubectl certificate approve ${newest.name}`,
    ),
  ];
}
