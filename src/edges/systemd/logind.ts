import type {Clock} from '../../lib/time.ts';
import {makeDirectory, writeAtomic} from '../files/files.ts';
import {type Child, start} from '../process/exec.ts';
import {onLines} from '../process/lines.ts';
import {run} from '../process/run.ts';

/** What the kubelet asks of systemd-logind(8), over the system bus. */
export type Logind = {
  /** How long logind lets a delaying inhibitor hold a shutdown back, in milliseconds. */
  inhibitDelayMs(): Promise<number>;
  /** Asks for a longer delay and waits until it holds. @throws when logind does not take it */
  raiseInhibitDelay(ms: number): Promise<void>;
  /** Holds every shutdown back until it is released, or this process ends. */
  inhibit(): Promise<InhibitLock>;
  /** Tells of shutdowns (true) and of their cancellation (false); ends when the bus goes away. */
  watch(onShutdown: (begins: boolean) => void): ShutdownWatch;
};

export type InhibitLock = {release(): Promise<void>};
export type ShutdownWatch = {readonly ended: Promise<void>; stop(): void};

export type LogindOptions = {
  readonly clock: Clock;
  /** Where drop-ins of logind.conf(5) go. */
  readonly confDir?: string;
  /** DBUS_SYSTEM_BUS_ADDRESS: another bus than the machine's. */
  readonly bus?: string;
  /** Holds a lock as long as the program behind it runs (systemd-inhibit(1)). */
  readonly inhibitor?: readonly string[];
};

const manager = ['org.freedesktop.login1', '/org/freedesktop/login1', 'org.freedesktop.login1.Manager'];
const systemdInhibit = [
  'systemd-inhibit',
  '--what=shutdown',
  '--who=kubelet',
  '--why=Kubelet needs time to handle node shutdown',
  '--mode=delay',
];
const dropIn = '99-kubelet.conf';
const ownConfDir = '/etc/systemd/logind.conf.d';
/** What raises the delay of this machine's shutdowns. */
export const logindDropIn = `${ownConfDir}/${dropIn}`;
const match =
  "type='signal',interface='org.freedesktop.login1.Manager',member='PrepareForShutdown',path='/org/freedesktop/login1'";
const callTimeoutMs = 10_000;
/** logind reads its configuration anew in its own time: five looks, each twice as late as the one before. */
const looks = 5;
const firstLookMs = 100;

export function openLogind(options: LogindOptions): Logind {
  return new BusLogind(options);
}

/** logind reads its configuration anew, where it runs. */
export async function reloadLogind(): Promise<void> {
  await run('systemctl', ['kill', '--signal=HUP', 'systemd-logind.service'], {okCodes: [0, 1, 5]});
}

class BusLogind implements Logind {
  readonly #options: LogindOptions;
  readonly #env: Readonly<Record<string, string>>;

  constructor(options: LogindOptions) {
    this.#options = options;
    this.#env = options.bus === undefined ? {} : {DBUS_SYSTEM_BUS_ADDRESS: options.bus};
  }

  async inhibitDelayMs(): Promise<number> {
    const {stdout} = await this.#busctl(['get-property', ...manager, 'InhibitDelayMaxUSec']);
    return Number(/^t (\d+)$/m.exec(stdout)?.[1] ?? 0) / 1000;
  }

  async raiseInhibitDelay(ms: number): Promise<void> {
    const {confDir = ownConfDir, clock} = this.#options;
    const seconds = Math.round(ms / 1000);
    await makeDirectory(confDir);
    await writeAtomic(
      `${confDir}/${dropIn}`,
      `# Kubelet logind override\n[Login]\nInhibitDelayMaxSec=${seconds}\n`,
      0o644,
    );
    // SIGHUP: logind reads its configuration again.
    const systemd = [
      'org.freedesktop.systemd1',
      '/org/freedesktop/systemd1',
      'org.freedesktop.systemd1.Manager',
    ];
    await this.#busctl(['call', ...systemd, 'KillUnit', 'ssi', 'systemd-logind.service', 'all', '1']);
    let delayMs = await this.inhibitDelayMs();
    for (let look = 0; look < looks && delayMs < ms; look++) {
      await new Promise<void>((resolve) => clock.after(firstLookMs * 2 ** look, resolve));
      delayMs = await this.inhibitDelayMs();
    }
    if (delayMs < ms)
      throw new Error(
        `logind lets a shutdown be delayed by ${delayMs / 1000} s, and ${seconds} s are needed`,
      );
  }

  async inhibit(): Promise<InhibitLock> {
    const [program = '', ...args] = this.#options.inhibitor ?? systemdInhibit;
    // cat ends with our end of its pipe, whatever becomes of us, and with it goes the lock.
    const {child} = this.#start(program, [...args, 'cat']);
    const held = new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      void child.then(({exitCode}) => reject(new Error(`the lock of logind is gone: exit ${exitCode}`)));
    });
    // What comes back from cat says that it runs, and it runs after the lock was taken.
    child.stdin.on('error', () => undefined);
    child.stdin.write('held\n');
    await held;
    return {
      async release() {
        child.stdin.end();
        await child;
      },
    };
  }

  watch(onShutdown: (begins: boolean) => void): ShutdownWatch {
    const {child} = this.#start('busctl', ['--system', '--json=short', 'monitor', '--match', match]);
    child.stdin.end();
    onLines(child.stdout, (line) => {
      const begins = parsePrepareForShutdown(line);
      if (begins !== undefined) onShutdown(begins);
    });
    return {ended: child.then(() => undefined), stop: () => void child.kill()};
  }

  #busctl(args: readonly string[]) {
    return run('busctl', ['--system', ...args], {env: this.#env, timeoutMs: callTimeoutMs});
  }

  /** In an object: a child is a thenable, and returning it from a promise would wait for its end. */
  #start(program: string, args: readonly string[]): {child: Child} {
    const child = start(program, args, {env: this.#env});
    child.stderr.resume();
    return {child};
  }
}

/** A line of `busctl monitor --json=short`; undefined for anything but the signal. */
export function parsePrepareForShutdown(line: string): boolean | undefined {
  try {
    const message: unknown = JSON.parse(line);
    if (typeof message !== 'object' || message === null || !('payload' in message)) return undefined;
    if (!('member' in message) || message.member !== 'PrepareForShutdown') return undefined;
    const {payload} = message;
    const data = typeof payload === 'object' && payload !== null && 'data' in payload ? payload.data : [];
    const [begins] = Array.isArray(data) ? data : [];
    return typeof begins === 'boolean' ? begins : undefined;
  } catch {
    return undefined;
  }
}
