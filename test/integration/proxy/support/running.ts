import {existsSync} from 'node:fs';
import {mkdtemp, readFile, rename, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface, type Interface} from 'node:readline';
import {type Child, type RunResult, run, start} from '../../../../src/edges/process/exec.ts';
import type {Netns} from '../../support/netns.ts';

/** The stub API as a process in a namespace. */
export class StubApi {
  readonly #child: Child;
  readonly #lines: AsyncIterator<string>;
  #queue: Promise<unknown> = Promise.resolve();
  port = 0;

  private constructor(child: Child) {
    this.#child = child;
    this.#lines = lines(child)[Symbol.asyncIterator]();
  }

  static async start(netns: Netns): Promise<StubApi> {
    const script = join(import.meta.dirname, 'stub-api.ts');
    const stub = new StubApi(start('nsenter', [`--net=${netns.path}`, process.execPath, script]));
    stub.port = Number((await stub.#lines.next()).value);
    return stub;
  }

  put(plural: string, object: object): Promise<void> {
    return this.#send({do: 'put', plural, object});
  }

  delete(plural: string, object: object): Promise<void> {
    return this.#send({do: 'delete', plural, object});
  }

  fill(count: number, endpoints = 2): Promise<void> {
    return this.#send({do: 'fill', count, endpoints});
  }

  drop(): Promise<void> {
    return this.#send({do: 'drop'});
  }

  /** So many of the next requests are answered wrongly. */
  misbehave(how: string, times: number): Promise<void> {
    return this.#send({do: 'misbehave', how, times});
  }

  /** Its connections stay, and nothing comes of them. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child;
  }

  #send(command: object): Promise<void> {
    const sent = this.#queue.then(async () => {
      this.#child.stdin.write(`${JSON.stringify(command)}\n`);
      await this.#lines.next();
    });
    this.#queue = sent;
    return sent;
  }
}

function lines(child: Child): Interface {
  return createInterface({input: child.stdout});
}

export type ProxyOptions = {
  readonly netns: Netns;
  readonly apiPort: number;
  readonly mode?: 'nftables' | 'iptables';
  /** More lines of the KubeProxyConfiguration. */
  readonly configuration?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A program that is given the configuration's path, in the place of the sources. */
  readonly program?: readonly string[];
};

/** The proxy as a process in a namespace. */
export class RunningProxy {
  readonly #options: ProxyOptions;
  readonly #directory: string;
  #child: Child | undefined;
  log = '';

  private constructor(options: ProxyOptions, directory: string) {
    this.#options = options;
    this.#directory = directory;
  }

  static async start(options: ProxyOptions): Promise<RunningProxy> {
    const directory = await mkdtemp(join(tmpdir(), 'nodectl-proxy-'));
    const kubeconfig = join(directory, 'kubeconfig');
    await writeFile(kubeconfig, kubeconfigText(options.apiPort));
    const configuration = [
      'apiVersion: kubeproxy.config.k8s.io/v1alpha1',
      'kind: KubeProxyConfiguration',
      `mode: ${options.mode ?? 'nftables'}`,
      'hostnameOverride: here',
      'clusterCIDR: 10.64.0.0/16,fd64::/16',
      `clientConnection: {kubeconfig: ${kubeconfig}, contentType: application/json, acceptContentTypes: application/json}`,
      'conntrack: {maxPerCore: 0}',
      ...(options.configuration ?? []),
    ];
    await writeFile(join(directory, 'config.yaml'), `${configuration.join('\n')}\n`);
    const proxy = new RunningProxy(options, directory);
    proxy.restart();
    return proxy;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  restart(): void {
    this.#child = start('nsenter', this.#argv(), {env: this.#options.env ?? {}});
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.log += text;
    });
    this.#child.stdout.resume();
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | undefined> {
    this.#child?.kill(signal);
    return (await this.#child)?.exitCode;
  }

  /** Ends its children in the middle of what they do; one that ends by itself meanwhile is as good. */
  async killChildren(): Promise<void> {
    for (const pid of await this.children())
      if (existsSync(`/proc/${pid}`)) await run('kill', ['-KILL', String(pid)], {okCodes: [0, 1]});
  }

  /** The programs that it runs beside it. */
  async children(): Promise<number[]> {
    const {stdout} = await run('ps', ['-o', 'pid=', '--ppid', String(this.pid)], {okCodes: [0, 1]});
    return stdout
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0);
  }

  /** Writes the configuration anew, with these lines at its end. */
  async rewrite(lines: readonly string[]): Promise<void> {
    const path = join(this.#directory, 'config.yaml');
    const text = await readFile(path, 'utf8');
    await writeFile(`${path}.new`, `${text}${lines.map((line) => `${line}\n`).join('')}`);
    await rename(`${path}.new`, path);
  }

  /** How it has ended. */
  async ended(): Promise<number | undefined> {
    return (await this.#child)?.exitCode;
  }

  async cleanup(): Promise<number | undefined> {
    return (await start('nsenter', [...this.#argv(), 'cleanup'])).exitCode;
  }

  async get(path: string, port = 10_256): Promise<RunResult> {
    return this.#options.netns.run(process.execPath, ['-e', fetchText, `http://127.0.0.1:${port}${path}`]);
  }

  async stop(): Promise<void> {
    await this.end('SIGKILL');
    await rm(this.#directory, {recursive: true, force: true});
  }

  #argv(): string[] {
    const script = join(import.meta.dirname, 'serve.ts');
    const config = join(this.#directory, 'config.yaml');
    const program = this.#options.program ?? [process.execPath, script];
    return [`--net=${this.#options.netns.path}`, ...program, config];
  }
}

const fetchText =
  'fetch(process.argv[1]).then(async (r) => console.log(r.status + " " + await r.text()), (e) => console.log("0 " + e))';

function kubeconfigText(port: number): string {
  return `apiVersion: v1
kind: Config
current-context: stub
contexts: [{name: stub, context: {cluster: stub, user: stub}}]
clusters: [{name: stub, cluster: {server: "http://127.0.0.1:${port}"}}]
users: [{name: stub, user: {token: stub}}]
`;
}
