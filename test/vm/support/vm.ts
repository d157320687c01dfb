import {execFileSync, spawn} from 'node:child_process';
import {copyFileSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type RunOptions, type RunResult, run} from '../../../src/edges/process/exec.ts';
import {kubectl} from '../../integration/support/debian.ts';
import {binary} from '../../integration/support/machine.ts';
import {until} from '../../integration/support/wait.ts';
import {image, type Suite} from './image.ts';
import {freePort} from './port.ts';

/** Everything is emulated, on a machine that may be busy with other things. */
const minutes = 60_000;
/**
 * qemu's emulation lets one processor run into the breakpoint that another has just put over a jump label and taken away
 * again, and the kernel panics: with one there is no other.
 */
const processors = process.env.NODECTL_VM_CPUS ?? '1';
const address = '10.0.2.15';

/** A fresh Debian machine with systemd and cgroup v2, all of its own but its processor's time. */
export type Vm = {
  /** Runs a line of shell as root and returns what it printed. */
  sh(line: string, options?: RunOptions): Promise<string>;
  /** Copies nodectl to /root. */
  copyNodectl(): Promise<void>;
  /** Writes a file of root's alone. */
  write(path: string, text: string): Promise<void>;
  nodectl(...words: readonly string[]): Promise<RunResult>;
  /** The distribution's kubectl on this side, with the admin kubeconfig of the sandbox in the machine or of `follow`. */
  kubectl(args: readonly string[], options?: RunOptions): Promise<string>;
  /** From now on kubectl asks the cluster of this kubeconfig. */
  follow(kubeconfig: string): void;
  reboot(): Promise<void>;
  /** What all of the emulation has cost so far: unlike time, it does not grow with what else runs. */
  cpuSeconds(): number;
  /** The end of what the machine said on its serial console. */
  console(): string;
  remove(): Promise<void>;
};

/** @throws Error with the reason where a machine cannot be emulated */
function assertEmulator(): void {
  if (process.arch !== 'x64') throw new Error(`the machine tests emulate x86-64; this is ${process.arch}`);
  for (const program of ['qemu-system-x86_64', 'mmdebstrap', 'ssh', 'setpriv'])
    try {
      execFileSync('which', [program], {stdio: 'ignore'});
    } catch {
      throw new Error(`the machine tests need ${program}, which is not installed`);
    }
}

export async function bootVm(suite: Suite): Promise<Vm> {
  assertEmulator();
  const {disk, kernel, initrd, key} = image(suite);
  const dir = mkdtempSync(join(tmpdir(), `nodectl-vm-${suite}-`));
  const ports = {ssh: await freePort(), api: await freePort()};
  const serial = join(dir, 'serial');
  const forward = `hostfwd=tcp:127.0.0.1:${ports.ssh}-${address}:22,hostfwd=tcp:127.0.0.1:${ports.api}-${address}:6443`;
  const words = [
    // Ends with this process, however that ends.
    ...['--pdeathsig', 'KILL', 'qemu-system-x86_64'],
    ...['-nodefaults', '-display', 'none', '-machine', 'q35', '-m', '2048', '-smp', processors],
    // qemu 7.2's cmpxchg16b makes kernels panic now and then.
    ...['-accel', 'tcg,thread=multi', '-cpu', 'Nehalem,-cx16'],
    ...['-kernel', kernel, '-initrd', initrd],
    ...['-append', 'root=/dev/vda rw console=ttyS0 quiet mitigations=off net.ifnames=0'],
    ...['-drive', `file=${disk},format=raw,if=virtio,snapshot=on,cache=unsafe`],
    ...['-device', 'virtio-rng-pci', '-device', 'virtio-net-pci,netdev=lan'],
    ...['-netdev', `user,id=lan,${forward}`, '-serial', `file:${serial}`],
  ];
  const log = join(dir, 'qemu.log');
  const qemu = spawn('setpriv', words, {
    env: {...process.env, TMPDIR: dir},
    stdio: ['ignore', 'ignore', openSync(log, 'a')],
  });
  const vm = connect({dir, ports, key, serial});
  const cpuSeconds = () => cpuSecondsOf(qemu.pid ?? 0);
  const remove = async () => {
    qemu.kill('SIGKILL');
    await until('the machine is off', () => qemu.exitCode !== null || qemu.signalCode !== null);
    rmSync(dir, {recursive: true, force: true});
  };
  try {
    await until(
      'the machine has booted',
      async () => {
        if (qemu.exitCode !== null) throw new Error(`qemu ended: ${readFileSync(log, 'utf8')}`);
        return (
          (await vm.sh('systemctl is-system-running --wait || true', {timeoutMs: minutes})) === 'running'
        );
      },
      {timeoutMs: 4 * minutes, everyMs: 500},
    );
  } catch (error) {
    const said = vm.console();
    await remove();
    throw new Error(`the machine does not boot\n${said}`, {cause: error});
  }
  return {...vm, cpuSeconds, remove};
}

/** User and system time of a process, in hundredths of a second (proc(5)). */
function cpuSecondsOf(pid: number): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ').map(Number);
  return ((fields[11] ?? 0) + (fields[12] ?? 0)) / 100;
}

type Reach = {dir: string; ports: {ssh: number; api: number}; key: string; serial: string};

function connect({dir, ports, key, serial}: Reach): Omit<Vm, 'remove' | 'cpuSeconds'> {
  const ownKey = join(dir, 'key');
  copyFileSync(key, ownKey);
  const options = {
    StrictHostKeyChecking: 'no',
    UserKnownHostsFile: '/dev/null',
    LogLevel: 'ERROR',
    ConnectTimeout: '10',
    ServerAliveInterval: '10',
    ControlMaster: 'auto',
    ControlPersist: '600',
    ControlPath: join(dir, 'ssh'),
  };
  const target = [
    ...Object.entries(options).map(([name, value]) => `-o${name}=${value}`),
    ...['-i', ownKey, '-p', String(ports.ssh), 'root@127.0.0.1'],
  ];
  const ssh = (line: string, more?: RunOptions): Promise<RunResult> =>
    run('ssh', [...target, line], {timeoutMs: 2 * minutes, ...more});
  const sh = async (line: string, more?: RunOptions) => (await ssh(line, more)).stdout;
  const copied = join(dir, 'admin.conf');
  const console = () => (existsSync(serial) ? readFileSync(serial, 'utf8').slice(-4000) : '');
  let followed: string | undefined;
  return {
    sh,
    async copyNodectl() {
      await ssh('cat >/root/nodectl && chmod 755 /root/nodectl', {input: readFileSync(binary)});
    },
    nodectl: (...args) => ssh(['/root/nodectl', ...args].join(' '), {timeoutMs: 20 * minutes}),
    async kubectl(args, more) {
      if (followed === undefined && !existsSync(copied)) {
        const text = await sh('cat /var/lib/nodectl/sandbox/state/admin.conf');
        writeFileSync(copied, text.replace(`${address}:6443`, `127.0.0.1:${ports.api}`), {mode: 0o600});
      }
      const words = ['--kubeconfig', followed ?? copied, ...args];
      return (await run(kubectl('trixie'), words, {timeoutMs: 3 * minutes, ...more})).stdout;
    },
    follow(kubeconfig) {
      followed = kubeconfig;
    },
    async write(path, input) {
      await ssh(`install -D -m 600 /dev/stdin ${path}`, {input});
    },
    async reboot() {
      const boot = () => sh('cat /proc/sys/kernel/random/boot_id', {timeoutMs: 20_000});
      const before = await boot();
      await ssh('systemctl reboot', {okCodes: [0, 255]});
      await run('ssh', ['-O', 'exit', ...target], {okCodes: [0, 255]});
      await until('the machine has booted anew', async () => (await boot()) !== before, {
        timeoutMs: 10 * minutes,
        everyMs: 500,
        instead: async () => console(),
      });
    },
    console,
  };
}
