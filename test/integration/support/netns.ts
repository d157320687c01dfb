import {randomBytes} from 'node:crypto';
import {type RunOptions, type RunResult, run} from '../../../src/edges/process/exec.ts';

/** A network namespace of a test's own, with loopback up and forwarding on. */
export type Netns = {
  readonly name: string;
  readonly path: string;
  /** Runs a program inside; only the network namespace is another. */
  run(file: string, args?: readonly string[], options?: RunOptions): Promise<RunResult>;
  remove(): Promise<void>;
};

export async function createNetns(prefix = 'nd'): Promise<Netns> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  const path = `/run/netns/${name}`;
  await run('ip', ['netns', 'add', name]);
  const inside = (file: string, args: readonly string[] = [], options?: RunOptions) =>
    run('nsenter', [`--net=${path}`, file, ...args], options);
  await inside('ip', ['link', 'set', 'lo', 'up']);
  await inside('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
  return {
    name,
    path,
    run: inside,
    async remove() {
      await run('ip', ['netns', 'del', name]);
    },
  };
}

/**
 * A veth pair between this process's namespace and `netns`, so that a test can reach pods behind it:
 * `host` and `inside` are the two ends' addresses, `routes` the networks that lie behind the far end.
 */
export async function connectNetns(
  netns: Netns,
  {host, inside, routes = []}: {host: string; inside: string; routes?: readonly string[]},
): Promise<void> {
  const id = randomBytes(3).toString('hex');
  const [near, far] = [`nd${id}a`, `nd${id}b`];
  await run('ip', ['link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', netns.name]);
  await run('ip', ['address', 'add', `${host}/30`, 'dev', near]);
  await run('ip', ['link', 'set', near, 'up']);
  await netns.run('ip', ['address', 'add', `${inside}/30`, 'dev', far]);
  await netns.run('ip', ['link', 'set', far, 'up']);
  for (const route of routes) await run('ip', ['route', 'add', route, 'via', inside]);
}
