import {createPrivateKey, X509Certificate} from 'node:crypto';
import {dirname} from 'node:path';
import {certificatesOf} from '../../config/cluster-info.ts';
import {kubeletPaths} from '../../config/kubelet-files.ts';
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
  codes: ['ND722', 'ND417', 'ND414', 'ND316'],
  looks: 'reads the node’s client certificate: whether its key fits, and its dates',
  after: ['KubeletKubeconfig'],
  async observe({sight, options}): Promise<Observed> {
    const {credentials, ca} = await sight.connection();
    if (credentials.kind !== 'certificate') return {kind: 'none'};
    const problem = pairProblem(credentials.cert, credentials.key);
    return problem === undefined
      ? {kind: 'read', certificate: readCertificate(credentials.cert, ca)}
      : {kind: 'useless', path: kubeletPaths(options).currentCertificate, problem};
  },
  judge: (seen, {nowMs}) => {
    switch (seen.kind) {
      case 'none':
        return [];
      case 'read':
        return judgeCertificate(seen.certificate, nowMs);
      case 'useless':
        return [
          failure(
            'ND722',
            `the node’s certificate cannot be used: the file ${seen.problem}\n${seen.path}`,
            'sudo nodectl reset && sudo nodectl join … (with a fresh token)',
            `ls -l ${dirname(seen.path)}: an older one that is whole may still be valid; link to it.`,
          ),
        ];
    }
  },
});

type Observed =
  | {readonly kind: 'none'}
  | {readonly kind: 'read'; readonly certificate: SeenCertificate}
  | {readonly kind: 'useless'; readonly path: string; readonly problem: string};

/** What keeps certificate and key from being a pair, before any date counts: a full disk leaves empty files. */
export function pairProblem(cert: string, key: string): string | undefined {
  if (cert.trim() === '') return 'is empty';
  try {
    const fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
    return fits ? undefined : 'has a key that is not its certificate’s';
  } catch {
    return 'has no certificate and key';
  }
}

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
