import {copyFileSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {KubeCli} from '../support/kube-cli.ts';
import type {Machine} from '../support/machine.ts';
import {until} from '../support/wait.ts';
import {startDaemon, stopDaemon} from './daemons.ts';

export type Look = {
  readonly first: string;
  readonly exit: number;
  readonly text: string;
  readonly codes: readonly string[];
  readonly ms: number;
};

/** A healthy node of a sandbox, and the tools that break it. */
export class StatusNode {
  readonly machine: Machine;
  readonly kube: KubeCli;

  constructor(machine: Machine) {
    this.machine = machine;
    this.kube = new KubeCli(machine, 'trixie');
  }

  /** One `nodectl status`; `before` are words that start it, such as `unshare --user`. */
  async look(args: readonly string[] = [], before: readonly string[] = []): Promise<Look> {
    const startMs = performance.now();
    const words = [...before, '/nodectl', 'status', ...args];
    const [program = '', ...rest] = words;
    const {stdout, exitCode} = await this.machine.run(program, rest, {
      okCodes: [0, 1, 2, 3, 4, 5, 6, 7, 8],
      timeoutMs: 30_000,
    });
    return {
      first: stdout.split('\n')[0] ?? '',
      exit: exitCode,
      text: stdout,
      codes: [...stdout.matchAll(/^(ND\d{3}) /gm)].map(([, code]) => code ?? ''),
      ms: performance.now() - startMs,
    };
  }

  /** Waits until nothing is wrong; else the error has the last screen. */
  async healthy(): Promise<void> {
    await until(
      'the node is healthy',
      async () => {
        const seen = await this.look();
        if (seen.exit === 0) return true;
        throw new Error(seen.text);
      },
      {timeoutMs: 90_000, everyMs: 200},
    );
  }

  stop(name: string): Promise<void> {
    return stopDaemon(this.machine, name);
  }

  start(name: string): Promise<void> {
    return startDaemon(this.machine, name);
  }

  /** Starts a daemon that may end at once, as a fault wants it. */
  restartBroken(daemon: 'kubelet' | 'proxy' | 'containerd'): Promise<unknown> {
    return this.machine.run('/nodectl', ['restart', daemon], {okCodes: [0, 6, 7]});
  }

  restart(daemon: 'kubelet' | 'proxy' | 'containerd'): Promise<unknown> {
    return this.machine.nodectl(['restart', daemon]);
  }

  run(...words: readonly string[]): Promise<unknown> {
    const [program = '', ...args] = words;
    return this.machine.run(program, args);
  }

  /** Several commands of a shell in the machine. */
  sh(script: string): Promise<unknown> {
    return this.machine.run('sh', ['-ec', script]);
  }

  read(path: string): string {
    return readFileSync(this.machine.path(path), 'utf8');
  }

  write(path: string, text: string): void {
    writeFileSync(this.machine.path(path), text);
  }

  /** Changes a file and keeps what it was; `restore` puts that back. */
  edit(path: string, change: (text: string) => string): void {
    const at = this.machine.path(path);
    copyFileSync(at, `${at}.good`);
    writeFileSync(at, change(readFileSync(at, 'utf8')));
  }

  restore(path: string): void {
    const at = this.machine.path(path);
    renameSync(`${at}.good`, at);
  }

  /** Lays a file over one of the kernel's that all machines of this host share. */
  async cover(path: string, text: string): Promise<void> {
    const name = `/tmp/cover${path.replaceAll('/', '-')}`;
    this.write(name, text);
    await this.run('mount', '--bind', name, path);
  }

  uncover(path: string): Promise<unknown> {
    return this.run('umount', path);
  }

  /** Ends or stops the process of a daemon without its manager's knowledge. */
  async signal(name: string, signal: 'STOP' | 'CONT'): Promise<void> {
    await this.sh(`pkill -${signal} -f '${name}'`);
  }

  patch(kind: string, name: string, patch: object, ...args: readonly string[]): Promise<unknown> {
    return this.kube.text('patch', kind, name, '--type=merge', ...args, '-p', JSON.stringify(patch));
  }

  remove(): void {
    this.kube.remove();
  }
}

export type Fault = {
  readonly name: string;
  readonly code: string;
  readonly exit: number;
  /** Other codes that are told too, because they are faults of their own. */
  readonly also?: readonly string[];
  readonly says: RegExp;
  /** Only these checks, and words before `nodectl status`. */
  readonly args?: readonly string[];
  readonly before?: readonly string[];
  doIt(node: StatusNode): Promise<unknown> | undefined;
  undo(node: StatusNode): Promise<unknown> | undefined;
};

/** A fault that is a file with other content, and its daemon started anew where that reads it only then. */
export function edited(
  path: string,
  change: (text: string) => string,
  daemon?: 'kubelet' | 'proxy' | 'containerd',
): Pick<Fault, 'doIt' | 'undo'> {
  return {
    async doIt(node) {
      node.edit(path, change);
      if (daemon !== undefined) await node.restartBroken(daemon);
    },
    async undo(node) {
      node.restore(path);
      if (daemon !== undefined) await node.restart(daemon);
    },
  };
}

/** A fault that is a packet filter's table of its own. */
export function filtered(
  hook: 'input' | 'output',
  priority: number,
  rule: string,
): Pick<Fault, 'doIt' | 'undo'> {
  const chain = `{ type filter hook ${hook} priority ${priority}; }`;
  return {
    doIt: (node) =>
      node.sh(
        `nft add table inet fault; nft 'add chain inet fault c ${chain}'; nft add rule inet fault c ${rule}`,
      ),
    undo: (node) => node.run('nft', 'delete', 'table', 'inet', 'fault'),
  };
}
