import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {type Child, run, start} from '../../../../src/edges/process/exec.ts';
import type {Family} from '../../../../src/lib/addresses.ts';
import {world} from '../../../unit/proxy/support/vectors.ts';
import {createNetns, type Netns} from '../../support/netns.ts';

export type Answer = {readonly text?: string; readonly local?: string; readonly failed?: string};
export type Try = {
  readonly protocol: 'TCP' | 'UDP';
  readonly host: string;
  readonly port: number;
  readonly count: number;
  readonly timeoutMs: number;
};

/** A process inside a namespace that listens and connects. */
export class Peer {
  readonly #child: Child;
  readonly #waiting = new Map<number, {resolve(value: unknown): void; reject(error: Error): void}>();
  readonly ready: Promise<void>;
  #count = 0;

  constructor(netns: Netns) {
    const script = join(import.meta.dirname, 'peer.mjs');
    this.#child = start('nsenter', [`--net=${netns.path}`, process.execPath, script]);
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    createInterface({input: this.#child.stdout}).on('line', (line) => {
      const said: {id: number; result?: unknown; error?: string} | 'ready' = JSON.parse(line);
      if (said === 'ready') return ready.resolve();
      const waiting = this.#waiting.get(said.id);
      this.#waiting.delete(said.id);
      if (said.error === undefined) waiting?.resolve(said.result);
      else waiting?.reject(new Error(said.error));
    });
  }

  async listen(protocol: 'TCP' | 'UDP', host: string, port: number): Promise<void> {
    await this.#ask({command: 'listen', protocol, host, port});
  }

  async flow(tries: Try): Promise<Answer[]> {
    const answers = await this.#ask({command: 'flow', ...tries});
    return Array.isArray(answers) ? answers : [];
  }

  async echo(host: string, port: number): Promise<void> {
    await this.#ask({command: 'echo', host, port});
  }

  /** What comes back on a connection that stays. */
  async say(connection: {name: string; host: string; port: number}): Promise<unknown> {
    return this.#ask({command: 'say', timeoutMs: 10_000, ...connection});
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child;
  }

  #ask(command: object): Promise<unknown> {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {resolve, reject});
      this.#child.stdin.write(`${JSON.stringify({id, ...command})}\n`);
    });
  }
}

const roles = ['pod', 'outside', 'ep1', 'ep2'] as const;
const families: readonly Family[] = ['IPv4', 'IPv6'];
const gateways: Readonly<Record<string, Readonly<Record<Family, string>>>> = {
  pod: {IPv4: '10.64.9.254', IPv6: 'fd64:9::fe'},
  ep1: {IPv4: '10.64.1.254', IPv6: 'fd64:1::fe'},
  ep2: {IPv4: '10.64.2.254', IPv6: 'fd64:2::fe'},
  outside: world.node ?? {IPv4: '', IPv6: ''},
};

/** The world of the flow vectors with real sockets: a node, and around it a pod, a machine outside, two endpoints. */
export class Lab {
  readonly node: Netns;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly #others: readonly Netns[];

  private constructor(node: Netns, others: readonly Netns[], peers: ReadonlyMap<string, Peer>) {
    this.node = node;
    this.#others = others;
    this.peers = peers;
  }

  static async create(): Promise<Lab> {
    const node = await createNetns('ndn');
    const others: Netns[] = [];
    const peers = new Map([['node', new Peer(node)]]);
    // Every REJECT must be heard: the kernel would otherwise send few ICMP errors a second.
    const unlimited = ['net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0'];
    await node.run('sysctl', ['-qw', 'net.ipv6.conf.all.forwarding=1', ...unlimited]);
    for (const role of roles) {
      const netns = await createNetns(`nd${role[0]}`);
      others.push(netns);
      await join2(node, netns, role);
      peers.set(role, new Peer(netns));
    }
    for (const family of families)
      await node.run('ip', [
        'address',
        'add',
        prefixed(world.node2?.[family]),
        'dev',
        'outside',
        ...nodad(family),
      ]);
    const lab = new Lab(node, others, peers);
    await Promise.all([...peers.values()].map((peer) => peer.ready));
    await lab.#listen();
    return lab;
  }

  peer(role: string): Peer {
    const peer = this.peers.get(role);
    if (peer === undefined) throw new Error(`nobody is ${role}`);
    return peer;
  }

  /** Old flows must not answer for new rules. */
  async forgetFlows(): Promise<void> {
    await this.node.run('conntrack', ['-F']);
  }

  async remove(): Promise<void> {
    await Promise.allSettled([...this.peers.values()].map((peer) => peer.stop()));
    await Promise.allSettled([this.node, ...this.#others].map((netns) => netns.remove()));
  }

  async #listen(): Promise<void> {
    for (const role of ['ep1', 'ep2', 'node'])
      for (const family of families)
        for (const protocol of ['TCP', 'UDP'] as const)
          for (const port of [8080, 8081])
            await this.peer(role).listen(protocol, world[role]?.[family] ?? '', port);
  }
}

async function join2(node: Netns, netns: Netns, role: string): Promise<void> {
  await run('ip', [
    '-n',
    node.name,
    'link',
    'add',
    role,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    netns.name,
  ]);
  await node.run('ip', ['link', 'set', role, 'up']);
  await netns.run('ip', ['link', 'set', 'eth0', 'up']);
  for (const family of families) {
    const six = family === 'IPv6' ? ['-6'] : [];
    const gateway = gateways[role]?.[family];
    await node.run('ip', ['address', 'add', prefixed(gateway), 'dev', role, ...nodad(family)]);
    await netns.run('ip', [
      'address',
      'add',
      prefixed(world[role]?.[family]),
      'dev',
      'eth0',
      ...nodad(family),
    ]);
    await netns.run('ip', [...six, 'route', 'add', 'default', 'via', gateway ?? '']);
  }
  // The node sends what it has no route for to the machine outside, as to a router.
  if (role !== 'outside') return;
  for (const family of families) {
    const six = family === 'IPv6' ? ['-6'] : [];
    const [via, own] = [world.outside?.[family] ?? '', world.node?.[family] ?? ''];
    await node.run('ip', [...six, 'route', 'add', 'default', 'via', via, 'src', own]);
  }
}

function prefixed(address: string | undefined): string {
  return address?.includes(':') ? `${address}/64` : `${address}/24`;
}

function nodad(family: Family): string[] {
  return family === 'IPv6' ? ['nodad'] : [];
}
