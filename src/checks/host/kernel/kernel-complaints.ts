import {type KernelRecord, readKernelLog} from '../../../edges/logs/kernel-log.ts';
import {type Finding, hostCheck, warning} from '../../check.ts';
import {agoText} from '../../node/ago.ts';

type Complaint = {readonly like: RegExp; readonly what: string; readonly next: string};

/** Loop and memory devices are files of somebody's own; a disk is none of them. */
const disk = /(?!loop|ram|zram|fd|sr)[\w-]+/.source;

/** What the kernel says of troubles that a node does not survive, and that nothing else shows. */
const complaints: readonly Complaint[] = [
  {
    like: new RegExp(
      `I/O error, dev ${disk}\\b|EXT4-fs error \\(device ${disk}\\)|XFS \\(${disk}\\): .*([Cc]orruption|Shutting down)|BTRFS (error|critical) \\(device ${disk}`,
    ),
    what: 'a disk fails',
    next: 'Save what is on it; smartctl -a /dev/DISK says how it is.',
  },
  {
    like: /nf_conntrack: (nf_conntrack: )?table full, dropping packet/,
    what: 'connections are dropped: the connection table was full',
    next: 'sudo sysctl -w net.netfilter.nf_conntrack_max=262144',
  },
  {
    like: /neighbou?r(: |ing ).*table overflow/i,
    what: 'neighbours are forgotten: the table of hardware addresses is full',
    next: 'sudo sysctl -w net.ipv4.neigh.default.gc_thresh3=16384 net.ipv4.neigh.default.gc_thresh2=8192',
  },
  {
    like: /(apparmor="DENIED"|avc: +denied).*comm="(containerd[^"]*|runc[^"]*|kubelet|kube-proxy|nodectl|bridge|host-local|portmap|loopback)"/,
    what: 'a security module denies the node’s own programs something',
    next: 'sudo aa-status, or sudo ausearch -m avc -ts recent',
  },
];

const lately = 3_600_000;

export const kernelComplaints = hostCheck({
  name: 'KernelLog',
  category: 'host',
  codes: ['ND114'],
  looks: 'reads the kernel’s log of the last hour for failing disks, full tables and denials',
  observe: () => readKernelLog(new RegExp(complaints.map(({like}) => like.source).join('|'), 'i')),
  judge: judgeComplaints,
});

export function judgeComplaints(records: readonly KernelRecord[]): readonly Finding[] {
  const recent = records.filter(({ageMs}) => ageMs < lately);
  return complaints.flatMap(({like, what, next}) => {
    const all = recent.filter(({text}) => like.test(text));
    const last = all.at(-1);
    if (last === undefined) return [];
    const times = all.length === 1 ? '' : `, ${all.length} times in the last hour`;
    return [
      warning('ND114', `${what} (${agoText(last.ageMs)} ago${times})\n${last.text.slice(0, 200)}`, next),
    ];
  });
}
