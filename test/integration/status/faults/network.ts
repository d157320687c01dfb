import {createCa, generateKey, issueCertificate, publicKeyOf} from '../../../../src/edges/trust/x509.ts';
import {clusterCa} from '../cluster-ca.ts';
import {edited, type Fault, filtered, type StatusNode} from '../node.ts';
import {serveWrongClock} from '../wrong-clock.ts';

const kubeconfig = '/etc/kubernetes/kubelet.conf';
const server = (url: string) => (text: string) => text.replace(/server: .*/, `server: ${url}`);
const config = '/var/lib/kubelet/config.yaml';

let clock: {stop(): Promise<void>} | undefined;

async function wrongClock(node: StatusNode): Promise<void> {
  const key = generateKey();
  const cert = await issueCertificate({
    ca: clusterCa(node),
    commonName: 'kube-apiserver',
    ipAddresses: [node.machine.address],
    subject: {publicKey: publicKeyOf(key)},
    usages: ['digital signature', 'server auth'],
    days: 1,
  });
  clock = await serveWrongClock(node.machine, {cert, key, port: 7443, aheadMs: 600_000});
  node.edit(kubeconfig, server(`https://${node.machine.address}:7443`));
}

export const networkFaults: readonly Fault[] = [
  {
    name: 'the API server is down',
    code: 'ND311',
    exit: 5,
    says: /API server is down.*nodectl sandbox up/s,
    doIt: (node) => node.stop('nodectl-sandbox'),
    undo: (node) => node.start('nodectl-sandbox'),
  },
  {
    name: 'pain 5: a firewall drops packets to the API server',
    code: 'ND312',
    exit: 5,
    says: /the API server does not answer.*did not answer in time/s,
    ...filtered('output', 0, 'tcp dport 6443 drop'),
  },
  {
    name: 'pain 5: full packets to the API server are lost (MTU)',
    code: 'ND318',
    exit: 5,
    says: /packets of full size to 192\.168\.77\.10:6443 are lost/,
    ...filtered('output', 0, 'tcp dport 6443 meta length \\> 1200 drop'),
  },
  {
    name: 'the name of the API server is unknown',
    code: 'ND313',
    exit: 5,
    says: /api\.nowhere\.invalid/,
    ...edited(kubeconfig, server('https://api.nowhere.invalid:6443')),
  },
  {
    name: 'the DNS servers of the machine say nothing',
    code: 'ND313',
    exit: 5,
    says: /DNS does not answer\s+\(192\.168\.77\.99\)/,
    async doIt(node) {
      // Whoever had that hardware address is gone: packets to it are simply lost.
      await node.run('ip', 'neigh', 'add', '192.168.77.99', 'lladdr', '02:00:00:00:00:99', 'dev', 'eth0');
      node.edit('/etc/resolv.conf', () => 'nameserver 192.168.77.99\n');
      node.edit(kubeconfig, server('https://api.example.test:6443'));
    },
    async undo(node) {
      node.restore(kubeconfig);
      node.restore('/etc/resolv.conf');
      await node.run('ip', 'neigh', 'delete', '192.168.77.99', 'dev', 'eth0');
    },
  },
  {
    name: 'the port is not the API server’s',
    code: 'ND314',
    exit: 5,
    says: /the API server does not answer/,
    ...edited(kubeconfig, server('https://127.0.0.1:10248')),
  },
  {
    name: 'there is no route to the API server',
    code: 'ND301',
    exit: 5,
    says: /ip route get 198\.51\.100\.1\n.*there is no route to 198\.51\.100\.1:6443/s,
    async doIt(node) {
      await node.run('ip', 'route', 'add', 'unreachable', '198.51.100.0/24');
      node.edit(kubeconfig, server('https://198.51.100.1:6443'));
    },
    async undo(node) {
      node.restore(kubeconfig);
      await node.run('ip', 'route', 'delete', 'unreachable', '198.51.100.0/24');
    },
  },
  {
    name: 'kubelet.conf has the CA of another cluster',
    code: 'ND407',
    exit: 4,
    says: /192\.168\.77\.10:6443/,
    async doIt(node) {
      const {cert} = await createCa('kubernetes', 10);
      const data = Buffer.from(cert).toString('base64');
      node.edit(kubeconfig, (text) => text.replace(/(certificate-authority-data: ).*/, `$1${data}`));
    },
    async undo(node) {
      node.restore(kubeconfig);
    },
  },
  {
    name: 'pain 6: the clocks differ',
    code: 'ND316',
    exit: 5,
    says: /clock is (599|600|601) s behind the API server’s.*timedatectl/s,
    doIt: wrongClock,
    async undo(node) {
      node.restore(kubeconfig);
      await clock?.stop();
    },
  },
  {
    name: 'pain 5: a firewall closes the kubelet’s port',
    code: 'ND319',
    exit: 1,
    says: /closes the kubelet’s port 10250.*tcp dport 10250 drop/s,
    ...filtered('input', 0, 'tcp dport 10250 drop'),
  },
  {
    name: 'a firewall accepts only what it knows',
    code: 'ND319',
    exit: 1,
    says: /drops what no rule accepts/,
    doIt: (node) =>
      node.sh(
        "nft add table inet fault; nft 'add chain inet fault c { type filter hook input priority 10; policy drop; }'; " +
          'nft add rule inet fault c ct state established,related accept; nft add rule inet fault c iifname lo accept; ' +
          'nft add rule inet fault c ip protocol udp accept',
      ),
    undo: (node) => node.run('nft', 'delete', 'table', 'inet', 'fault'),
  },
  {
    name: 'cluster DNS does not answer',
    code: 'ND320',
    exit: 5,
    says: /cluster DNS 10\.96\.0\.10 does not answer/,
    ...filtered('output', -200, 'ip daddr 10.96.0.10 udp dport 53 drop'),
  },
  {
    name: 'nobody is at the cluster’s DNS address',
    code: 'ND320',
    exit: 1,
    says: /nobody serves cluster DNS 127\.0\.0\.77/,
    ...edited(config, (text) => text.replace('10.96.0.10', '127.0.0.77')),
  },
  {
    name: 'the machine’s network overlaps the pods’',
    code: 'ND321',
    exit: 5,
    says: /network 10\.244\.0\.0\/16 of eth0 overlaps the pods’ range 10\.244\.0\.0\/24/,
    doIt: (node) => node.run('ip', 'address', 'add', '10.244.3.9/16', 'dev', 'eth0'),
    undo: (node) => node.run('ip', 'address', 'delete', '10.244.3.9/16', 'dev', 'eth0'),
  },
  {
    name: 'the machine’s network overlaps the Services’',
    code: 'ND321',
    exit: 5,
    says: /network 10\.96\.0\.0\/24 of eth0 overlaps the Service 10\.96\.0\.10?/,
    doIt: (node) => node.run('ip', 'address', 'add', '10.96.0.200/24', 'dev', 'eth0'),
    undo: (node) => node.run('ip', 'address', 'delete', '10.96.0.200/24', 'dev', 'eth0'),
  },
];
