import {edited, type Fault, filtered} from '../node.ts';

const proxyConfig = '/var/lib/nodectl/proxy/config.yaml';
const line = (text: string) => (before: string) => `${before}${text}\n`;
const proxy = '^/var/lib/nodectl/bin/kube-proxy';

/** A program that changes the Service map again and again, whatever the proxy does; for two minutes at most. */
const meddling: Pick<Fault, 'doIt' | 'undo'> = {
  doIt: (node) => {
    const nft = (verb: string) =>
      `nft ${verb} element ip nodectl-proxy services '{ 10.96.9.9 . tcp . 53 : drop }'`;
    const turn = `[ -e /tmp/fight ] || break; ${nft('add')}; sleep 0.05; ${nft('delete')} || true`;
    return node.sh(`touch /tmp/fight; { for turn in $(seq 1000); do ${turn}; done; } >/dev/null 2>&1 &`);
  },
  async undo(node) {
    await node.sh('rm /tmp/fight');
    // A proxy that was kept from its repairs too often does not try them again.
    await node.restart('proxy');
  },
};

/** A daemon's unit with other words; its process is ended, and the supervisor goes on with these. */
function respawned(change: (text: string) => string): Pick<Fault, 'doIt' | 'undo'> {
  const path = '/var/lib/nodectl/supervisor/units/nodectl-proxy.json';
  return {
    async doIt(node) {
      node.edit(path, change);
      await node.sh(`pkill -f '${proxy}'`);
    },
    async undo(node) {
      node.restore(path);
      await node.restart('proxy');
    },
  };
}

export const proxyFaults: readonly Fault[] = [
  {
    name: 'the proxy is stopped',
    code: 'ND734',
    exit: 7,
    says: /the service proxy is not running.*nodectl restart proxy/s,
    doIt: (node) => node.stop('nodectl-proxy'),
    undo: (node) => node.restart('proxy'),
  },
  {
    name: 'the service rules are deleted while the proxy is stopped',
    code: 'ND734',
    exit: 7,
    also: ['ND737'],
    says: /the kernel has no service rules/,
    async doIt(node) {
      await node.stop('nodectl-proxy');
      await node.sh('nft delete table ip nodectl-proxy; nft delete table ip6 nodectl-proxy');
    },
    undo: (node) => node.start('nodectl-proxy'),
  },
  {
    name: 'the proxy hangs',
    code: 'ND736',
    exit: 7,
    says: /the service proxy runs, but does not answer/,
    doIt: (node) => node.signal(proxy, 'STOP'),
    undo: (node) => node.signal(proxy, 'CONT'),
  },
  {
    name: 'another process has the proxy’s port',
    code: 'ND601',
    exit: 3,
    says: /process \d+ \(perl.*listens on port 10256.*try: kill \d+/s,
    async doIt(node) {
      await node.stop('nodectl-proxy');
      await node.sh(
        "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 10256, Listen => 1, ReuseAddr => 1) or die; sleep 600' >/dev/null 2>&1 &",
      );
      await node.start('nodectl-proxy');
    },
    async undo(node) {
      await node.sh('pkill perl');
      await node.restart('proxy');
    },
  },
  {
    name: 'the proxy’s configuration is wrong',
    code: 'ND711',
    exit: 2,
    says: /the service proxy cannot run: .*oomScoreAdj/s,
    ...edited(proxyConfig, line('oomScoreAdj: 5000'), 'proxy'),
  },
  {
    name: 'the proxy ends in a loop',
    code: 'ND735',
    exit: 7,
    says: /the service proxy (has ended|ends).*nodectl logs proxy/s,
    ...respawned((text) => text.replace('/var/lib/nodectl/bin/kube-proxy', '/bin/false')),
  },
  {
    name: 'somebody changes the kernel’s Services, again and again',
    code: 'ND740',
    exit: 7,
    says: /somebody keeps changing the service rules \(IPv4\).*sudo nft monitor/s,
    ...meddling,
  },
  {
    name: 'the kernel does not take the proxy’s changes',
    code: 'ND748',
    exit: 7,
    says: /a change of Services \(IPv4 and IPv6\) has waited \d+ s for the kernel/,
    async doIt(node) {
      await node.signal('^nft -i', 'STOP');
      await node.kube.text('create', 'service', 'clusterip', 'late', '--tcp=80');
    },
    async undo(node) {
      await node.signal('^nft -i', 'CONT');
      await node.kube.text('delete', 'service', 'late');
    },
  },
  {
    name: 'the proxy’s account may not read Services',
    code: 'ND750',
    exit: 7,
    says: /the service proxy cannot read (Services|EndpointSlices).*kubeadm:node-proxier.*forbidden/s,
    async doIt(node) {
      await node.kube.text('delete', 'clusterrolebinding', 'kubeadm:node-proxier');
      await node.restart('proxy');
    },
    async undo(node) {
      const role = ['--clusterrole=system:node-proxier', '--serviceaccount=kube-system:kube-proxy'];
      await node.kube.text('create', 'clusterrolebinding', 'kubeadm:node-proxier', ...role);
      await node.restart('proxy');
    },
  },
  {
    name: 'nft is not installed any more',
    code: 'ND712',
    exit: 1,
    says: /nft is not installed.*apt-get install nftables/s,
    doIt: (node) => node.run('mv', '/usr/sbin/nft', '/usr/sbin/nft.away'),
    undo: (node) => node.run('mv', '/usr/sbin/nft.away', '/usr/sbin/nft'),
  },
  {
    name: 'no route leads to Services',
    code: 'ND739',
    exit: 7,
    says: /no route leads to Services: there is no default route/,
    doIt: (node) => node.run('ip', 'route', 'delete', 'default'),
    undo: (node) => node.run('ip', 'route', 'add', 'default', 'via', '192.168.77.1'),
  },
  {
    name: 'pain 8: rules of kube-proxy are here too',
    code: 'ND738',
    exit: 1,
    says: /rules of kube-proxy are here too: ip kube-proxy/,
    doIt: (node) => node.run('nft', 'add', 'table', 'ip', 'kube-proxy'),
    undo: (node) => node.run('nft', 'delete', 'table', 'ip', 'kube-proxy'),
  },
  {
    name: 'pain 8: iptables chains of kube-proxy are here too',
    code: 'ND738',
    exit: 1,
    says: /rules of kube-proxy are here too: ip nat KUBE-SERVICES/,
    doIt: (node) => node.run('iptables', '-t', 'nat', '-N', 'KUBE-SERVICES'),
    undo: (node) => node.run('iptables', '-t', 'nat', '-X', 'KUBE-SERVICES'),
  },
  {
    name: 'the address of a Service does not answer',
    code: 'ND739',
    exit: 7,
    says: /the Service kubernetes \(10\.96\.0\.1:443\) does not answer/,
    ...filtered('output', -200, 'ip daddr 10.96.0.1 drop'),
  },
  {
    name: 'Docker’s policy drops what pods send',
    code: 'ND745',
    exit: 7,
    says: /the chain ip filter FORWARD drops what pods send.*iptables -P FORWARD ACCEPT/s,
    doIt: (node) => node.run('iptables', '-P', 'FORWARD', 'DROP'),
    undo: (node) => node.sh('iptables -P FORWARD ACCEPT; nft delete table ip filter'),
  },
  {
    name: 'a rule drops what pods send',
    code: 'ND745',
    exit: 7,
    says: /the chain ip filter FORWARD drops what pods send/,
    doIt: (node) => node.run('iptables', '-I', 'FORWARD', '-j', 'DROP'),
    undo: (node) => node.sh('iptables -D FORWARD -j DROP; nft delete table ip filter'),
  },
  {
    name: 'a policy of iptables-legacy drops what pods send',
    code: 'ND745',
    exit: 7,
    says: /iptables-legacy FORWARD/,
    doIt: (node) => node.run('iptables-legacy', '-P', 'FORWARD', 'DROP'),
    undo: (node) => node.run('iptables-legacy', '-P', 'FORWARD', 'ACCEPT'),
  },
  {
    name: 'pain 17: iptables rules of both kinds',
    code: 'ND746',
    exit: 1,
    says: /iptables rules of both kinds: 1 legacy, \d+ nft/,
    doIt: (node) => node.run('iptables-legacy', '-t', 'nat', '-A', 'OUTPUT', '-j', 'RETURN'),
    undo: (node) => node.run('iptables-legacy', '-t', 'nat', '-D', 'OUTPUT', '-j', 'RETURN'),
  },
];
