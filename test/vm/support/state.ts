import type {Vm} from './vm.ts';

/** What a machine is made of, as sorted lines under a heading each. */
export type State = Readonly<Record<string, readonly string[]>>;

/** Rewritten by every boot, login, or run of apt and dpkg. */
const noise = [
  '/root/nodectl',
  // Of units with a /tmp of their own, named after the boot.
  '/tmp/systemd-private-*',
  '/var/cache/apt',
  '/var/cache/debconf',
  '/var/cache/ldconfig',
  '/var/lib/apt',
  '/var/lib/dpkg',
  '/var/lib/systemd/random-seed',
  '/var/log/alternatives.log',
  '/var/log/apt',
  '/var/log/btmp',
  '/var/log/dpkg.log',
  '/var/log/journal',
  '/var/log/lastlog',
  '/var/log/wtmp',
  '/var/tmp',
];
const prune = `\\( ${noise.map((path) => `-path '${path}'`).join(' -o ')} \\) -prune`;

/** Counters and identities of a boot, not settings. */
const volatile =
  '^(fs\\.(dentry-state|file-nr|inode-nr|inode-state|quota\\.)|kernel\\.(ns_last_pid|random\\.|pty\\.nr)|vm\\.user_reserve_kbytes)';
/** Keys of modules that the kernel keeps while others use them. */
const ofModules = '^net\\.(netfilter|nf_conntrack|bridge)';

/** nft from apt's cache, unpacked and not installed: it must not be there before and after. */
const nft = `test ! -e /sys/module/nf_tables || {
mkdir -p /dev/shm/nft
for deb in /var/cache/apt/archives/*nft*.deb /var/cache/apt/archives/libjansson*.deb; do dpkg-deb -x $deb /dev/shm/nft; done
LD_LIBRARY_PATH=$(echo /dev/shm/nft/usr/lib/*-linux-gnu) /dev/shm/nft/usr/sbin/nft list ruleset
rm -r /dev/shm/nft
}`;

/** The first of these lines is run first: reading all sysctls mounts binfmt_misc. */
const sections: Readonly<Record<string, string>> = {
  sysctls: `sysctl -a 2>/dev/null | grep -vE '${volatile}' | grep -vE '${ofModules}'`,
  files: `find / -xdev ${prune} -o -type d -printf '%y %m %U:%G %p\\n' -o -printf '%y %m %U:%G %s %p %l\\n'`,
  digests: `find /etc /home /opt /root /srv /usr/local /var -xdev ${prune} -o -type f -print0 | xargs -0 sha256sum`,
  // Their digests would take minutes; a file whose inode was not touched has not changed.
  rewritten: 'find /boot /usr -xdev -type f -cnewer /var/tmp/mark',
  run: "find /run -xdev | grep -E 'nodectl|kube|cni|containerd|netns|runc|system.control|transient/'; ls /run",
  packages: "dpkg -l | tail -n +6 | awk '{print $1, $2, $3}'; apt-mark showauto",
  unitFiles: 'systemctl list-unit-files --no-legend --no-pager',
  units:
    "systemctl list-units --state=active,failed --type=service,socket,slice,mount,timer,path --plain --no-legend --no-pager | awk '{print $1, $3}' | grep -vE '^(user|session)'",
  mounts: "findmnt -rn -o TARGET,FSTYPE,SOURCE | grep -vE '^/run/(user|credentials)'",
  links: "ip -o link | cut -d: -f2; ip -o -4 address | awk '{print $2, $4}'; ip route",
  rules: nft,
  cgroups:
    "find /sys/fs/cgroup -type d | grep -E 'kube|nodectl|containerd|cri-'; ls -d /sys/fs/cgroup/*.slice",
  processes: "ps -eo args | grep -E 'nodectl|kube|containerd|httpd|pause' | grep -v -e grep -e /root/.ssh",
};

/** Looks at everything that a join may change; the first look marks the time. */
export async function stateOf(vm: Vm): Promise<State> {
  const script = Object.entries(sections).map(([name, line]) => `echo '### ${name}'\n{ ${line}\n} || true`);
  const text = await vm.sh('sh -s', {
    input: ['test -e /var/tmp/mark || touch /var/tmp/mark', ...script].join('\n'),
    timeoutMs: 300_000,
  });
  const parts = text.split(/^### /m).slice(1);
  return Object.fromEntries(
    parts.map((part) => {
      const [name = '', ...lines] = part.split('\n');
      return [name, lines.filter((line) => line !== '').sort()];
    }),
  );
}
