import {entries} from './entry.ts';

/** ND1xx: the machine itself. */
export const hostCodes = entries({
  ND101: {
    title: 'not root',
    why: 'Packages, units, mounts and network rules can only be changed by root.',
    fix: ['Run the same command with sudo.'],
    exit: 'preflight',
  },
  ND102: {
    title: 'unsupported distribution',
    why: 'Without a known package manager nodectl cannot install containerd, runc and the CNI plugins.',
    fix: [
      'Use Debian 12 or 13, or Ubuntu 24.04.',
      'Or install containerd, runc and the CNI plugins yourself; nodectl then uses them.',
    ],
    exit: 'preflight',
  },
  ND103: {
    title: 'not enough disk space',
    why: 'Images, logs and volumes need room; below the eviction threshold the kubelet ends pods.',
    fix: ['df -h', 'Free some space, or mount a larger disk there.'],
    exit: 'preflight',
  },
  ND104: {
    title: 'little memory',
    why: 'A node with less than 512 MB has no room for pods beside containerd and the kubelet.',
    fix: ['Give the machine more memory.'],
    exit: 'preflight',
  },
  ND105: {
    title: 'cgroup v1',
    why: 'Kubernetes 1.35 and later expect cgroup v2; with v1 some limits are not enforced.',
    fix: ['Boot with systemd.unified_cgroup_hierarchy=1, or use a newer distribution.'],
    exit: 'preflight',
  },
  ND106: {
    title: 'disk full',
    why: 'A file could not be written: no space or no inodes are left.',
    fix: ['df -h; df -i', 'Free some space, then run the same command again: it goes on where it stopped.'],
    exit: 'preflight',
  },
  ND107: {
    title: 'disk nearly full',
    why: 'Less is free than the kubelet’s eviction threshold: the node reports DiskPressure, takes no pods and ends some.',
    fix: ['df -h; df -i', 'Free some space, or mount a larger disk there.'],
    exit: 'preflight',
  },
  ND108: {
    title: 'memory nearly used up',
    why: 'Less is available than the kubelet’s eviction threshold: the node reports MemoryPressure and ends pods.',
    fix: ['ps aux --sort=-rss | head'],
    exit: 'preflight',
  },
  ND115: {
    title: 'this machine is too busy',
    why: 'Processors, the disk or the memory are so short that daemons do not answer in time: pods start slowly, leases run out, probes fail, pods are restarted.',
    fix: ['ps aux --sort=-pcpu | head', 'Give pods limits, or kubeReserved and systemReserved to the node.'],
    exit: 'preflight',
  },
  ND116: {
    title: 'a file system does not answer',
    why: 'Another machine, or a program, serves it and hangs: so does everything that touches it, until it answers again.',
    fix: ['findmnt PATH', 'Bring back who serves it, or sudo umount --force --lazy PATH.'],
    exit: 'preflight',
  },
  ND121: {
    title: 'kernel setting cannot be changed',
    why: 'A sysctl that pods need has the wrong value, and this machine does not let it be changed.',
    fix: ['Set it where the machine is configured (the host of a container, the image of a VM).'],
    exit: 'preflight',
  },
  ND122: {
    title: 'IP forwarding is off',
    why: 'The kernel drops what is not for the machine itself: pods reach neither other nodes nor Services.',
    fix: ['sudo sysctl -w net.ipv4.ip_forward=1', 'Look in /etc/sysctl.d for who turns it off.'],
    exit: 'preflight',
  },
  ND123: {
    title: 'inotify is exhausted',
    why: 'No file can be watched any more: daemons miss changes, `logs -f` and many programs in pods fail.',
    fix: ['sudo sysctl -w fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=524288'],
    exit: 'preflight',
  },
  ND124: {
    title: 'process numbers run out',
    why: 'The kernel’s bound of processes and threads is nearly reached: then nothing starts any more.',
    fix: [
      "ps -eLf | awk '{print $10}' | sort | uniq -c | sort -n | tail",
      'sudo sysctl -w kernel.pid_max=4194304',
    ],
    exit: 'preflight',
  },
  ND125: {
    title: 'connection table nearly full',
    why: 'Beyond its bound the kernel drops new connections of pods and Services.',
    fix: ['sudo sysctl -w net.netfilter.nf_conntrack_max=262144', 'sudo conntrack -L | head'],
    exit: 'preflight',
  },
  ND126: {
    title: 'pods get a DNS server on loopback',
    why: 'Loopback is another one in each pod: a cluster DNS with it asks itself in a loop.',
    fix: ['Name a file with real servers in resolvConf of the kubelet’s configuration.'],
    exit: 'preflight',
  },
  ND128: {
    title: 'open files run out',
    why: 'The machine, or a daemon of the node, may open no more files: new connections hang and new processes fail with “too many open files”.',
    fix: [
      'sudo prlimit --nofile=1048576:1048576 --pid PID, for a daemon',
      'sudo sysctl -w fs.file-max=2097152, for the machine',
      'sudo ls -l /proc/PID/fd | tail, to see what it holds',
    ],
    exit: 'preflight',
  },
  ND131: {
    title: 'swap is on',
    why: 'The kubelet refuses swap unless failSwapOn is false: limits could not be kept.',
    fix: ['sudo swapoff -a, and remove swap from /etc/fstab', 'Or set failSwapOn: false.'],
    exit: 'preflight',
  },
  ND109: {
    title: 'read-only file system',
    why: 'A directory that the node must write to is mounted read-only: often the kernel did that after a disk error.',
    fix: [
      'sudo dmesg | grep -iE "remount|I/O error"',
      'findmnt -T PATH',
      'sudo mount -o remount,rw PATH, once the disk is sound.',
    ],
    exit: 'preflight',
  },
  ND111: {
    title: 'a file cannot be used',
    why: 'Something else lies where a file belongs (a directory, a broken link), it is not there or may not be changed, or its disk has errors.',
    fix: ['namei -l PATH', 'sudo lsattr -d PATH; sudo dmesg | tail'],
    exit: 'preflight',
  },
  ND110: {
    title: 'the machine ran out of memory',
    why: 'Not a container reached its limit, but the whole machine had no memory left, and the kernel ended a process.',
    fix: [
      'journalctl -k | grep -i "out of memory"',
      'Set requests and limits, or kubeReserved and systemReserved.',
    ],
    exit: 'preflight',
  },
  ND113: {
    title: 'a container’s log grows without bound',
    why: 'It is much larger than containerLogMaxSize × containerLogMaxFiles: it is not rotated, and may fill the disk.',
    fix: ['du -sh /var/log/pods/* | sort -h | tail', 'nodectl logs kubelet'],
    exit: 'preflight',
  },
  ND114: {
    title: 'the kernel complains',
    why: 'Its log tells of a failing disk, a full table or a denial in the last hour: pods fail by that in ways that look like something else.',
    fix: ['sudo dmesg --human | tail -50'],
    exit: 'preflight',
  },
  ND127: {
    title: 'bridged packets bypass Services',
    why: 'Two pods of this node share a bridge: without br_netfilter an answer goes past the rules that made a Service of it.',
    fix: ['sudo modprobe br_netfilter', 'sudo sysctl -w net.bridge.bridge-nf-call-iptables=1'],
    exit: 'preflight',
  },
  ND132: {
    title: 'swap comes back at the next boot',
    why: 'It is off now, but /etc/fstab turns it on again: the kubelet will not start then.',
    fix: ['Comment out the swap line of /etc/fstab.', 'Or set failSwapOn: false.'],
    exit: 'preflight',
  },
});
