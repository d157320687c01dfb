import {X509Certificate} from 'node:crypto';
import {certificatesOf} from '../../config/cluster-info.ts';
import {type Finding, failure, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export type SeenCertificate = {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Signed by a CA of kubelet.conf. */
  readonly byCluster: boolean;
};

/** The kubelet renews between 70 and 90 % of its lifetime: with a twentieth left something is wrong. */
const lateShare = 0.05;

export const clientCertificate = nodeCheck({
  name: 'ClientCertificate',
  category: 'identity',
  codes: ['ND417', 'ND414', 'ND316'],
  looks: 'reads the dates of the node’s client certificate',
  after: ['KubeletKubeconfig'],
  async observe({sight}) {
    const {credentials, ca} = await sight.connection();
    return credentials.kind === 'certificate' ? readCertificate(credentials.cert, ca) : undefined;
  },
  judge: (seen, {nowMs}) => (seen === undefined ? [] : judgeCertificate(seen, nowMs)),
});

export function readCertificate(pem: string, ca: string | undefined): SeenCertificate {
  const certificate = new X509Certificate(pem);
  return {
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    byCluster: ca === undefined || certificatesOf(ca).some(({publicKey}) => certificate.verify(publicKey)),
  };
}

export function judgeCertificate(
  seen: Omit<SeenCertificate, 'byCluster'>,
  nowMs: number,
): readonly Finding[] {
  const {notBeforeMs, notAfterMs} = seen;
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
  if (nowMs > notAfterMs)
    return [
      failure(
        'ND417',
        `the node’s certificate expired on ${day(notAfterMs)} UTC`,
        'sudo nodectl reset && sudo nodectl join … (with a fresh token)',
        'kubeadm token create --print-join-command on a control plane prints it.',
        'date -u, when the clock may be wrong',
      ),
    ];
  if (nowMs < notBeforeMs)
    return [failure('ND316', `the node’s certificate is valid only from ${day(notBeforeMs)} UTC`, 'date -u')];
  const leftMs = notAfterMs - nowMs;
  if (leftMs > (notAfterMs - notBeforeMs) * lateShare) return [];
  const hours = Math.floor(leftMs / 3_600_000);
  return [warning('ND414', `the node’s certificate expires in ${hours} h and was not renewed`)];
}
