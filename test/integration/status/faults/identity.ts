import {renameSync, writeFileSync} from 'node:fs';
import {
  createCa,
  createCsr,
  generateKey,
  issueCertificate,
  publicKeyOf,
} from '../../../../src/edges/trust/x509.ts';
import {KubeCli} from '../../support/kube-cli.ts';
import {until} from '../../support/wait.ts';
import {clusterCa} from '../cluster-ca.ts';
import {edited, type Fault, type StatusNode} from '../node.ts';

const certificate = (node: StatusNode) =>
  node.machine.path('/var/lib/kubelet/pki/kubelet-client-current.pem');
const day = 86_400_000;

type Ca = {readonly cert: string; readonly key: string};

type Leaf = {
  readonly ca?: Ca;
  readonly organizations?: readonly string[];
  readonly fromDaysAgo?: number;
  readonly days: number;
};

/** A fault that is another client certificate of the node. */
function holding(leaf: Leaf, whileStopped = false): Pick<Fault, 'doIt' | 'undo'> {
  return {
    async doIt(node) {
      if (whileStopped) await node.stop('nodectl-kubelet');
      const key = generateKey();
      const cert = await issueCertificate({
        ca: leaf.ca ?? clusterCa(node),
        commonName: `system:node:${node.machine.name}`,
        organizations: [...(leaf.organizations ?? ['system:nodes'])],
        subject: {publicKey: publicKeyOf(key)},
        usages: ['digital signature', 'client auth'],
        notBefore: new Date(Date.now() - (leaf.fromDaysAgo ?? 0) * day),
        days: leaf.days,
      });
      renameSync(certificate(node), `${certificate(node)}.good`);
      writeFileSync(certificate(node), cert + key);
    },
    async undo(node) {
      renameSync(`${certificate(node)}.good`, certificate(node));
      if (whileStopped) await node.start('nodectl-kubelet');
    },
  };
}

/** A name that is not the node's: no approver takes it. */
async function requestServing(node: StatusNode): Promise<void> {
  const subject = {commonName: 'system:node:status', organizations: ['system:nodes']};
  const csr = await createCsr({key: generateKey(), ...subject, dnsNames: ['elsewhere.invalid']});
  const request = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: {name: 'serving'},
    spec: {
      signerName: 'kubernetes.io/kubelet-serving',
      request: Buffer.from(csr).toString('base64'),
      usages: ['digital signature', 'server auth'],
    },
  };
  // The path in the node's kubeconfig is a link inside the machine.
  await node.sh('cat /var/lib/kubelet/pki/kubelet-client-current.pem >/tmp/node.pem');
  const text = node
    .read('/etc/kubernetes/kubelet.conf')
    .replace(/(client-(?:certificate|key): ).*/g, `$1${node.machine.path('/tmp/node.pem')}`);
  node.write('/tmp/node.conf', text);
  const asNode = new KubeCli(node.machine, 'trixie', '/tmp/node.conf');
  await asNode.create(request);
  asNode.remove();
}

const unit = '/var/lib/nodectl/supervisor/units/nodectl-kubelet.json';

/** The node registers with another address of this machine. */
async function moveTo(node: StatusNode, ip: string): Promise<void> {
  await node.run('ip', 'address', 'add', `${ip}/24`, 'dev', 'eth0');
  node.edit(unit, (text) => text.replace(/--node-ip=[\d.]+/, `--node-ip=${ip}`));
  await node.restart('kubelet');
  await until(`the node has the address ${ip}`, async () =>
    (await node.kube.text('get', 'node', 'status', '-o', 'jsonpath={.status.addresses}')).includes(ip),
  );
}

async function moveBack(node: StatusNode, ip: string): Promise<void> {
  node.restore(unit);
  await node.machine.run('ip', ['address', 'delete', `${ip}/24`, 'dev', 'eth0'], {okCodes: [0, 2]});
  await node.restart('kubelet');
}

export const identityFaults: readonly Fault[] = [
  {
    name: 'the certificate has expired',
    code: 'ND417',
    exit: 4,
    says: /certificate expired on .*nodectl reset/s,
    ...holding({fromDaysAgo: 3, days: 1}, true),
  },
  {
    name: 'the certificate is about to expire',
    code: 'ND414',
    exit: 1,
    says: /certificate expires in \d+ h and was not renewed/,
    ...holding({fromDaysAgo: 100, days: 101}),
  },
  {
    name: 'the certificate is of another CA',
    code: 'ND415',
    exit: 4,
    says: /certificate is of another CA/,
    async doIt(node) {
      const ca = await createCa('stranger', 10);
      await holding({ca, days: 5}).doIt(node);
    },
    undo: (node) => holding({days: 5}).undo(node),
  },
  {
    name: 'the certificate’s file is empty',
    code: 'ND722',
    exit: 7,
    says: /certificate cannot be used: the file is empty.*nodectl reset/s,
    async doIt(node) {
      renameSync(certificate(node), `${certificate(node)}.good`);
      writeFileSync(certificate(node), '');
    },
    async undo(node) {
      renameSync(`${certificate(node)}.good`, certificate(node));
    },
  },
  {
    name: 'the API server lets the node do nothing',
    code: 'ND416',
    exit: 4,
    says: /the API server refuses this node \(HTTP 403\)/,
    ...holding({organizations: ['strangers'], days: 5}),
  },
  {
    name: 'kubelet.conf is damaged',
    code: 'ND303',
    exit: 2,
    says: /kubelet\.conf cannot be used/,
    ...edited('/etc/kubernetes/kubelet.conf', () => 'clusters: [\n'),
  },
  {
    name: 'kubelet.conf is gone',
    code: 'ND303',
    exit: 2,
    says: /kubelet\.conf cannot be used.*nodectl join again/s,
    doIt: (node) => node.run('mv', '/etc/kubernetes/kubelet.conf', '/etc/kubernetes/kubelet.conf.away'),
    undo: (node) => node.run('mv', '/etc/kubernetes/kubelet.conf.away', '/etc/kubernetes/kubelet.conf'),
  },
  {
    name: 'the directory of the node’s certificates is gone',
    code: 'ND303',
    exit: 2,
    says: /kubelet\.conf cannot be used.*kubelet-client-current\.pem, which cannot be read/s,
    doIt: (node) => node.run('mv', '/var/lib/kubelet/pki', '/var/lib/kubelet/pki.away'),
    undo: (node) => node.run('mv', '/var/lib/kubelet/pki.away', '/var/lib/kubelet/pki'),
  },
  {
    name: 'pain 12: another machine serves under this name',
    code: 'ND204',
    exit: 3,
    says: /another machine serves as node status.*this machine has 0{31}1/s,
    // The kubelet said who it is when it started; this machine is another one.
    before: ['unshare', '--mount', 'sh', '-c', 'mount --bind /tmp/other-id /etc/machine-id; exec "$@"', 'sh'],
    async doIt(node) {
      node.write('/tmp/other-id', `${'0'.repeat(31)}1\n`);
    },
    undo: (node) => node.run('rm', '/tmp/other-id'),
  },
  {
    name: 'the node’s address is gone',
    code: 'ND207',
    exit: 5,
    says: /the node’s address 192\.168\.77\.99 is not on this machine any more/,
    async doIt(node) {
      await moveTo(node, '192.168.77.99');
      await node.run('ip', 'address', 'delete', '192.168.77.99/24', 'dev', 'eth0');
    },
    undo: (node) => moveBack(node, '192.168.77.99'),
  },
  {
    name: 'pain 4: the node has the address of a NAT',
    code: 'ND206',
    exit: 1,
    says: /address 10\.0\.2\.15 is the same in every virtual machine.*--node-ip 192\.168\.77\.10/s,
    doIt: (node) => moveTo(node, '10.0.2.15'),
    undo: (node) => moveBack(node, '10.0.2.15'),
  },
  {
    name: 'pain 16: a serving certificate waits for approval',
    code: 'ND418',
    exit: 1,
    says: /serving certificate waits for approval.*kubectl certificate approve/s,
    async doIt(node) {
      await requestServing(node);
      node.edit('/var/lib/kubelet/config.yaml', (text) => `${text}serverTLSBootstrap: true\n`);
    },
    async undo(node) {
      node.restore('/var/lib/kubelet/config.yaml');
      await node.kube.text('delete', 'csr', '--all');
    },
  },
];
