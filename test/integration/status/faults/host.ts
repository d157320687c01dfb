import {existsSync} from 'node:fs';
import {dirname} from 'node:path';
import {edited, type Fault, type StatusNode} from '../node.ts';
import {gone, pod} from './pods.ts';

const config = '/var/lib/kubelet/config.yaml';
const forward = (value: string) => ['sysctl', '-qw', `net.ipv4.ip_forward=${value}`] as const;
const bridge = (value: string) => ['sysctl', '-qw', `net.bridge.bridge-nf-call-iptables=${value}`] as const;
const line = (text: string) => (before: string) => `${before}${text}\n`;

/** Mounts a file system whose server never says a word, as of an NFS server that was switched off. */
const mute = `use Fcntl;
mkdir $ARGV[0];
sysopen(my $fuse, '/dev/fuse', O_RDWR) or die;
my ($source, $target, $type) = ('mute', $ARGV[0], 'fuse');
my $options = 'fd=' . fileno($fuse) . ',rootmode=40000,user_id=0,group_id=0,allow_other';
syscall(165, $source, $target, $type, 0, $options) == 0 or die;
open STDOUT, '>/dev/null'; open STDERR, '>/dev/null';
exit 0 if fork;
sleep 600;
`;

/** Its end makes everything that hangs fail. */
export function hanging(at: string): Pick<Fault, 'doIt' | 'undo'> {
  return {
    async doIt(node) {
      node.write('/tmp/mute.pl', mute);
      await node.run('perl', '/tmp/mute.pl', at);
    },
    undo: (node) => node.sh(`pkill perl; umount --lazy ${at}`),
  };
}

/** A volume of a pod that lives: the kubelet unmounts those of pods that nobody knows. */
async function hangingVolume(node: StatusNode): Promise<string> {
  const uid = await node.kube.text('get', 'pod', 'mounted', '-o', 'jsonpath={.metadata.uid}');
  return `/var/lib/kubelet/pods/${uid}/volumes/kubernetes.io~nfs/v`;
}

const hangingFaults: readonly Fault[] = [
  {
    name: 'the file system of the pods’ logs hangs',
    code: 'ND116',
    exit: 3,
    says: /\/var\/log\/pods does not answer: mute \(fuse\) hangs/,
    ...hanging('/var/log/pods'),
  },
  {
    name: 'the server of a volume hangs',
    code: 'ND116',
    exit: 1,
    says: /a volume of default\/mounted does not answer: mute \(fuse\) hangs/,
    async doIt(node) {
      await node.kube.create(pod('mounted', {}));
      const volume = await hangingVolume(node);
      await node.run('mkdir', '-p', dirname(volume));
      await hanging(volume).doIt(node);
    },
    async undo(node) {
      await hanging(await hangingVolume(node)).undo(node);
      await gone(node, 'mounted');
    },
  },
];

export const hostFaults: readonly Fault[] = [
  {
    name: 'the kubelet’s disk is full',
    code: 'ND106',
    exit: 3,
    says: /disk of \/var\/lib\/kubelet is full.*df -h/s,
    async doIt(node) {
      await node.stop('nodectl-kubelet');
      await node.sh(
        'mkdir /tmp/kept; cp -a /var/lib/kubelet/pki /var/lib/kubelet/config.yaml /tmp/kept/; ' +
          'mount -t tmpfs -o size=2m full /var/lib/kubelet; cp -a /tmp/kept/* /var/lib/kubelet/; ' +
          'dd if=/dev/zero of=/var/lib/kubelet/fill bs=64k 2>/dev/null || true',
      );
    },
    async undo(node) {
      await node.sh('umount --lazy /var/lib/kubelet; rm -r /tmp/kept');
      await node.start('nodectl-kubelet');
    },
  },
  {
    name: 'the disk of the logs is nearly full',
    code: 'ND107',
    exit: 3,
    says: /1 MiB free at \/var\/log\/pods.*nodefs\.available is 10%/s,
    doIt: (node) =>
      node.sh(
        'mount -t tmpfs -o size=20m logs /var/log/pods; head -c 19000000 /dev/zero >/var/log/pods/fill',
      ),
    // Daemons look into it all the time.
    undo: (node) => node.run('umount', '--lazy', '/var/log/pods'),
  },
  {
    name: 'memory is below the eviction threshold',
    code: 'ND108',
    exit: 3,
    says: /of memory available.*memory\.available is 99\.9%/s,
    ...edited(config, line('evictionHard: {memory.available: 99.9%}')),
  },
  {
    name: 'the disk has less room than the image store needs',
    code: 'ND107',
    exit: 3,
    says: /free at \/var\/lib\/containerd.*imagefs\.available is 99\.9%/s,
    ...edited(config, line('evictionHard: {imagefs.available: 99.9%}')),
  },
  {
    name: 'the kubelet’s directory has become read-only',
    code: 'ND109',
    exit: 3,
    says: /\/var\/lib\/kubelet cannot be written: read-only.*findmnt/s,
    doIt: (node) =>
      node.sh('mount --bind /var/lib/kubelet /var/lib/kubelet; mount -o remount,ro,bind /var/lib/kubelet'),
    undo: (node) => node.run('umount', '--lazy', '/var/lib/kubelet'),
  },
  {
    name: 'the root file system is read-only',
    code: 'ND109',
    exit: 3,
    says: /\/var\/lib\/kubelet, .*\/etc\/kubernetes\s+cannot\s+be\s+written: read-only/s,
    // Daemons write below the machine's own.
    before: ['unshare', '--mount', 'sh', '-c', 'mount -o remount,ro,bind /; exec "$@"', 'sh'],
    doIt: () => undefined,
    undo: () => undefined,
  },
  ...(existsSync('/dev/fuse') ? hangingFaults : []),
  {
    name: 'pain 9: IP forwarding is off',
    code: 'ND122',
    exit: 3,
    says: /IP forwarding is off: sudo sysctl -w net.ipv4.ip_forward=1/,
    doIt: (node) => node.run(...forward('0')),
    undo: (node) => node.run(...forward('1')),
  },
  {
    name: 'IP forwarding is off for one link',
    code: 'ND122',
    exit: 3,
    says: /IP forwarding is off for eth0.*sysctl -w net\/ipv4\/conf\/eth0\/forwarding=1/s,
    doIt: (node) => node.run('sysctl', '-qw', 'net.ipv4.conf.eth0.forwarding=0'),
    undo: (node) => node.run('sysctl', '-qw', 'net.ipv4.conf.eth0.forwarding=1'),
  },
  {
    name: 'pain 9: bridged packets bypass the rules',
    code: 'ND127',
    exit: 3,
    says: /bridged packets do not pass the service rules.*sysctl -w net\.bridge/s,
    doIt: (node) => node.run(...bridge('0')),
    undo: (node) => node.run(...bridge('1')),
  },
  {
    name: 'inotify instances are used up',
    code: 'ND123',
    exit: 3,
    says: /no inotify instances are left/,
    // The bound is the whole host's: a user namespace has one of its own.
    before: [
      'unshare',
      '--user',
      '--map-root-user',
      'sh',
      '-c',
      'echo 0 >/proc/sys/user/max_inotify_instances; exec "$@"',
      'sh',
    ],
    args: ['--only', 'ND123'],
    doIt: () => undefined,
    undo: () => undefined,
  },
  {
    name: 'process numbers run out',
    code: 'ND124',
    exit: 1,
    says: /\d+ of \d+ process numbers are in use/,
    doIt: (node) =>
      node.sh(
        'cd /sys/fs/cgroup; [ -d pids ] && cd pids; echo $$ >cgroup.procs; for i in $(seq 700); do sleep 1234 >/dev/null 2>&1 & done; ' +
          'echo $((($(cat pids.current) + 20) * 100 / 95)) >pids.max',
      ),
    undo: (node) => node.sh('cd /sys/fs/cgroup; [ -d pids ] && cd pids; echo max >pids.max; pkill -x sleep'),
  },
  {
    name: 'the connection table is full',
    code: 'ND125',
    exit: 3,
    says: /of 1 tracked connections are in use/,
    doIt: (node) => node.cover('/proc/sys/net/netfilter/nf_conntrack_max', '1\n'),
    undo: (node) => node.uncover('/proc/sys/net/netfilter/nf_conntrack_max'),
  },
  {
    name: 'pain 14: pods get a DNS server on loopback',
    code: 'ND126',
    exit: 1,
    says: /\/etc\/resolv\.conf gives pods 127\.0\.0\.53 as DNS server/,
    ...edited('/etc/resolv.conf', () => 'nameserver 127.0.0.53\n'),
  },
  {
    name: 'the file that pods take their DNS servers from is gone',
    code: 'ND126',
    exit: 1,
    says: /\/etc\/resolv\.conf, which pods begin with, is not there/,
    doIt: (node) => node.run('mv', '/etc/resolv.conf', '/etc/resolv.conf.away'),
    undo: (node) => node.run('mv', '/etc/resolv.conf.away', '/etc/resolv.conf'),
  },
  {
    name: 'nothing can be written below /run',
    code: 'ND106',
    exit: 3,
    says: /the disk of \/run\/containerd is full: df -h/,
    doIt: (node) =>
      node.sh(
        'mount -o remount,size=$(($(du -sk /run | cut -f1) + 2048))k /run; ' +
          'dd if=/dev/zero of=/run/fill bs=4k 2>/dev/null || true',
      ),
    undo: (node) => node.sh('rm /run/fill; mount -o remount,size=50% /run'),
  },
  {
    name: 'the kernel complains of a disk',
    code: 'ND114',
    exit: 1,
    says: /a disk fails \(\d+[sm] ago\).*I\/O error, dev sda/s,
    async doIt(node) {
      const micros = Math.round(Number(node.read('/proc/uptime').split(' ')[0]) * 1e6) - 5_000_000;
      await node.cover('/dev/kmsg', `3,101,${micros},-;I/O error, dev sda, sector 2048 op 0x0:(READ)\n`);
    },
    undo: (node) => node.uncover('/dev/kmsg'),
  },
  {
    name: 'pain 10: swap is on again',
    code: 'ND131',
    exit: 3,
    says: /swap is on: \/swapfile.*swapoff/s,
    doIt: (node) =>
      node.cover('/proc/swaps', 'Filename\tType\tSize\tUsed\tPriority\n/swapfile file 1048572 0 -2\n'),
    undo: (node) => node.uncover('/proc/swaps'),
  },
  {
    name: 'pain 10: swap will be on after a reboot',
    code: 'ND132',
    exit: 1,
    says: /\/etc\/fstab brings it back/,
    async doIt(node) {
      node.write('/etc/fstab', '/swapfile none swap sw 0 0\n');
    },
    undo: (node) => node.run('rm', '/etc/fstab'),
  },
  {
    name: 'a log grows without bound',
    code: 'ND113',
    exit: 1,
    says: /the log of default\/big takes 200 MiB.*rotation should leave 50 MiB of main/s,
    doIt: (node) =>
      node.sh(
        'mkdir -p /var/log/pods/default_big_0/main; fallocate -l 200M /var/log/pods/default_big_0/main/0.log',
      ),
    undo: (node) => node.run('rm', '-rf', '/var/log/pods/default_big_0'),
  },
  {
    name: 'the machine ran out of memory',
    code: 'ND110',
    exit: 1,
    says: /the kernel ended postgres \(process 4711\) for want of memory/,
    async doIt(node) {
      const micros = Math.round(Number(node.read('/proc/uptime').split(' ')[0]) * 1e6) - 5_000_000;
      await node.cover('/proc/vmstat', 'oom_kill 1\n');
      await node.cover(
        '/dev/kmsg',
        `3,100,${micros},-;Out of memory: Killed process 4711 (postgres) total-vm:9kB\n`,
      );
    },
    undo: (node) => node.sh('umount /dev/kmsg; umount /proc/vmstat'),
  },
];
