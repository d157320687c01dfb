import {execFileSync, spawn} from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {type Child, type RunOptions, type RunResult, run, start} from '../../../src/edges/process/exec.ts';
import {mirror} from './debian.ts';
import {createNetns, type Netns} from './netns.ts';
import {until} from './wait.ts';

const project = resolve(import.meta.dirname, '../../..');
export const binary = join(project, 'dist/nodectl');

/** What nodectl installs by itself: kept as packages in the machine's apt cache, not installed. */
const cachedPackages =
  'containerd runc containernetworking-plugins nftables conntrack iptables iproute2 util-linux kmod ethtool socat';

/**
 * A fresh Debian machine of a test's own: minbase root file system, own mount, pid, ipc, uts and network namespaces.
 * /var/lib/containerd and /data are on the test machine's own disk, because overlayfs cannot lie on overlayfs.
 * systemd is not PID 1 in it; apt works from the cache of its image, without a network. Ending its PID 1 ends it all.
 */
export type Machine = {
  readonly name: string;
  readonly address: string;
  readonly pid: number;
  /** What was written since it was fresh lies here (an overlay's upper directory). */
  readonly changes: string;
  /** A path inside the machine as this process sees it. */
  path(inside: string): string;
  run(file: string, args?: readonly string[], options?: RunOptions): Promise<RunResult>;
  start(file: string, args?: readonly string[]): Child;
  nodectl(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  remove(): Promise<void>;
};

/** A switch of its own with machines on 192.168.77.0/24. */
export type Lan = {
  machine(name: string, suite?: string): Promise<Machine>;
  remove(): Promise<void>;
};

export async function createLan(): Promise<Lan> {
  const hub = await createNetns('hub');
  await hub.run('ip', ['link', 'add', 'br0', 'type', 'bridge']);
  await hub.run('ip', ['address', 'add', '192.168.77.1/24', 'dev', 'br0']);
  await hub.run('ip', ['link', 'set', 'br0', 'up']);
  const machines: Machine[] = [];
  return {
    async machine(name, suite = 'bookworm') {
      const machine = await bootMachine(name, suite, hub, `192.168.77.${10 + machines.length}`);
      machines.push(machine);
      return machine;
    },
    async remove() {
      for (const machine of machines) await machine.remove();
      await hub.remove();
    },
  };
}

/** The root file system of a suite: made once, kept in .cache, never written to again. */
function baseImage(suite: string): string {
  const cache = join(project, '.cache/machines');
  const image = join(cache, suite);
  if (existsSync(image)) return image;
  mkdirSync(cache, {recursive: true});
  const draft = mkdtempSync(join(cache, '.draft-'));
  try {
    const include = '--include=ca-certificates,iproute2,procps,kmod';
    execFileSync('mmdebstrap', [
      '--variant=minbase',
      '--mode=root',
      '--quiet',
      include,
      suite,
      draft,
      mirror(),
    ]);
    const apt = (...args: string[]) =>
      execFileSync('/usr/sbin/chroot', [draft, 'apt-get', '-q', '-y', ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive'},
      });
    apt('update');
    apt('--download-only', '--no-install-recommends', 'install', ...cachedPackages.split(' '));
    writePause(join(draft, 'init'));
    writeFileSync(join(draft, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
    renameSync(draft, image);
  } finally {
    rmSync(draft, {recursive: true, force: true});
  }
  return image;
}

/** PID 1 of a machine: the pause program, which reaps what is orphaned. */
function writePause(path: string): void {
  const work = mkdtempSync(join(tmpdir(), 'nodectl-pause-'));
  try {
    execFileSync('as', [
      '-o',
      join(work, 'pause.o'),
      join(project, `templates/images/pause-${process.arch}.s`),
    ]);
    execFileSync('ld', ['-static', '-nostdlib', '-s', '-o', join(work, 'pause'), join(work, 'pause.o')]);
    cpSync(join(work, 'pause'), path);
  } finally {
    rmSync(work, {recursive: true, force: true});
  }
}

/** Builds the machine's root inside its new namespaces and becomes its PID 1. */
const bootScript = `set -e
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$DIR/changes,workdir=$DIR/work" "$DIR/root"
cd "$DIR/root"
mkdir -p var/lib/containerd data .old
mount --bind "$DIR/containerd" var/lib/containerd
mount --bind "$DIR/data" data
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs cgroup sys/fs/cgroup
for controller in $CONTROLLERS; do
  mkdir "sys/fs/cgroup/$controller"
  case $controller in
    unified) mount -t cgroup2 cgroup "sys/fs/cgroup/$controller" ;;
    systemd) mount -t cgroup -o none,name=systemd cgroup "sys/fs/cgroup/$controller" ;;
    *) mount -t cgroup -o "$controller" cgroup "sys/fs/cgroup/$controller" ;;
  esac
done
[ -n "$CONTROLLERS" ] || { umount sys/fs/cgroup; mount -t cgroup2 cgroup sys/fs/cgroup; mkdir sys/fs/cgroup/init; echo 0 >sys/fs/cgroup/init/cgroup.procs; }
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
# Settings that a kernel has once for all machines: each gets files of its own in their place.
mkdir run/sysctl
for key in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  cp "proc/sys/$key" "run/sysctl/$(basename "$key")"
  mount --bind "run/sysctl/$(basename "$key")" "proc/sys/$key"
done
touch nodectl
mount --bind "$BINARY" nodectl
hostname "$NAME"
echo "$NAME" >etc/hostname
pivot_root . .old
mount --make-rshared /
umount -l /.old
rmdir /.old
exec /init`;

async function bootMachine(name: string, suite: string, hub: Netns, address: string): Promise<Machine> {
  const base = baseImage(suite);
  const dir = mkdtempSync(join(tmpdir(), `nodectl-machine-${name}-`));
  for (const sub of ['changes', 'work', 'root', 'containerd', 'data']) mkdirSync(join(dir, sub));
  const cgroups = makeCgroups(`nodectl-machine-${name}-${process.pid}`);
  const flags = [
    '--mount',
    '--cgroup',
    '--net',
    '--pid',
    '--ipc',
    '--uts',
    '--fork',
    '--kill-child',
    '--propagation',
    'private',
  ];
  // In its own cgroups before the cgroup namespace is made: they become that namespace's root.
  const enter = 'for dir in $CGROUPS; do echo 0 >"$dir/cgroup.procs"; done; exec "$@"';
  const parent = spawn('sh', ['-c', enter, 'sh', 'unshare', ...flags, 'sh', '-c', bootScript], {
    env: {
      PATH: process.env.PATH,
      BASE: base,
      DIR: dir,
      BINARY: binary,
      NAME: name,
      CGROUPS: cgroups.directories.join(' '),
      CONTROLLERS: cgroups.controllers.join(' '),
    },
    stdio: ['ignore', 'ignore', openSync(join(dir, 'boot.log'), 'a')],
  });
  const pid = await until(`machine ${name} is up`, () => initPid(parent.pid ?? 0));
  const inside = [
    '-t',
    String(pid),
    '--all',
    'env',
    '-i',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOME=/root',
  ];
  const machine: Machine = {
    name,
    address,
    pid,
    changes: join(dir, 'changes'),
    path: (path) => `/proc/${pid}/root${path}`,
    run: (file, args = [], options) => run('nsenter', [...inside, file, ...args], options),
    start: (file, args = []) => start('nsenter', [...inside, file, ...args]),
    nodectl: (args, options) =>
      run('nsenter', [...inside, '/nodectl', ...args], {timeoutMs: 300_000, ...options}),
    async remove() {
      await endMachine(pid);
      for (const directory of cgroups.directories)
        await until('its cgroups are empty', () => removeCgroup(directory));
      rmSync(dir, {recursive: true, force: true, maxRetries: 5});
    },
  };
  await plug(machine, hub);
  return machine;
}

/** A cgroup of the machine's own in every hierarchy of version 1, or the one of version 2 (then without controllers). */
function makeCgroups(name: string): {controllers: readonly string[]; directories: readonly string[]} {
  const root = '/sys/fs/cgroup';
  const controllers = existsSync(`${root}/cgroup.controllers`)
    ? []
    : readdirSync(root).filter((entry) => !lstatSync(join(root, entry)).isSymbolicLink());
  const directories =
    controllers.length === 0
      ? [join(root, name)]
      : controllers.map((controller) => join(root, controller, name));
  for (const directory of directories) {
    mkdirSync(directory);
    // A cpuset is empty until it is told; without both it takes no process.
    if (directory.includes('/cpuset/'))
      for (const file of ['cpuset.cpus', 'cpuset.mems'])
        writeFileSync(join(directory, file), readFileSync(join(root, 'cpuset', file)));
  }
  return {controllers, directories};
}

/** A cgroup directory goes by rmdir, innermost first, once its last process has been reaped. */
function removeCgroup(directory: string): true {
  for (const entry of readdirSync(directory, {withFileTypes: true}))
    if (entry.isDirectory()) removeCgroup(join(directory, entry.name));
  rmdirSync(directory);
  return true;
}

/** PID 1 of the new pid namespace, once it is the pause program. */
function initPid(parent: number): number | undefined {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ');
  const pid = Number(children[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'init' ? pid : undefined;
}

async function plug(machine: Machine, hub: Netns): Promise<void> {
  const port = `p${machine.pid}`;
  await hub.run('ip', [
    'link',
    'add',
    port,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    String(machine.pid),
  ]);
  await hub.run('ip', ['link', 'set', port, 'master', 'br0', 'up']);
  await machine.run('ip', ['link', 'set', 'lo', 'up']);
  await machine.run('ip', ['address', 'add', `${machine.address}/24`, 'dev', 'eth0']);
  await machine.run('ip', ['link', 'set', 'eth0', 'up']);
  await machine.run('ip', ['route', 'add', 'default', 'via', '192.168.77.1']);
}

/** Killing PID 1 of a pid namespace kills everything in it; the kernel then drops its mounts and links. */
async function endMachine(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
  await until('the machine is gone', () => !existsSync(`/proc/${pid}`));
}
