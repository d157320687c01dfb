import {type ChildProcess, execFileSync, spawn} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {join} from 'node:path';
import type {CsiDriver, PersistentVolumeClaim, Pod, PodSpec} from '../../../../src/lib/kubernetes.ts';
import {
  csiDrivers,
  csiNodes,
  events,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
} from '../../../../src/lib/resources.ts';
import {type Fixture, type Kubelet, nodeName, startFixture} from '../../kubelet-node/fixture.ts';
import {until} from '../../support/wait.ts';
import type {Call, Control, DriverOptions} from './csi-driver.ts';

const namespace = 'default';

export type TestDriver = {
  readonly options: DriverOptions;
  start(): Promise<void>;
  /** SIGKILL: its sockets stay, as after a crash. */
  kill(): Promise<void>;
  /** Ends it, and takes its registration socket away, as a registrar that is told to stop does. */
  leave(): Promise<void>;
  control(control: Control): Promise<void>;
  /** All calls of a method, or of all that change something; those of a volume where one is given. */
  calls(method?: string, volumeId?: string): Promise<Call[]>;
};

export type VolumeDraft = {
  readonly driver: string;
  readonly handle: string;
  readonly accessMode?: string;
  readonly volumeMode?: 'Filesystem' | 'Block';
  readonly fsType?: string;
  readonly size?: string;
  readonly mountOptions?: string[];
  readonly csi?: object;
};

/** A node with a real kubelet in a process of its own, and CSI drivers beside it. */
export type CsiLab = {
  readonly fixture: Fixture;
  readonly root: string;
  kubelet(): Kubelet;
  startKubelet(): Promise<void>;
  /** SIGKILL, as a crash would. */
  killKubelet(): Promise<void>;
  /** Returns when it is registered; one with versions of its own may never be. */
  driver(options: Partial<DriverOptions> & {name: string}): Promise<TestDriver>;
  driverObject(name: string, spec: Partial<CsiDriver['spec']>): Promise<void>;
  /** A persistent volume with a claim that is bound to it, both of that name. */
  volume(name: string, draft: VolumeDraft): Promise<void>;
  claim(name: string): Promise<PersistentVolumeClaim>;
  create(name: string, spec: Partial<PodSpec>): Promise<Pod>;
  get(name: string): Promise<Pod>;
  /** Removes the object at once, whatever runs. */
  forget(name: string): Promise<void>;
  running(name: string): Promise<Pod>;
  waitFor(name: string, what: string, check: (pod: Pod) => boolean): Promise<Pod>;
  remove(...names: string[]): Promise<void>;
  gone(...names: string[]): Promise<void>;
  exec(name: string, ...command: string[]): Promise<string>;
  /** Messages of the events about an object, as they are told. */
  told(name: string, reason?: string): Promise<string[]>;
  mounts(): Promise<string[]>;
  close(): Promise<void>;
};

export async function startLab(extraConfig = ''): Promise<CsiLab> {
  const fixture = await startFixture(extraConfig);
  const lab = new Lab(fixture);
  try {
    await lab.startKubelet();
    return lab;
  } catch (error) {
    await lab.close();
    throw error;
  }
}

class Lab implements CsiLab {
  readonly fixture: Fixture;
  readonly root: string;
  readonly #drivers: {process?: ChildProcess | undefined}[] = [];
  #kubelet: Kubelet | undefined;

  constructor(fixture: Fixture) {
    this.fixture = fixture;
    this.root = fixture.containerd.layout.kubeletDir;
  }

  kubelet(): Kubelet {
    if (this.#kubelet === undefined) throw new Error('no kubelet runs');
    return this.#kubelet;
  }

  async startKubelet(): Promise<void> {
    const kubelet = this.fixture.start();
    this.#kubelet = kubelet;
    const hasStarted = () => kubelet.output().includes('connected to the container runtime');
    // Compiled as it starts: on a crowded machine that takes longer than anything it does.
    const instead = () => kubelet.output().slice(-3000);
    await until('the kubelet has started', hasStarted, {timeoutMs: 90_000, instead});
    await this.fixture.ready();
  }

  async killKubelet(): Promise<void> {
    const kubelet = this.kubelet();
    kubelet.process.kill('SIGKILL');
    await kubelet.ended();
  }

  async driver(given: Partial<DriverOptions> & {name: string}): Promise<TestDriver> {
    const {name} = given;
    const options: DriverOptions = {
      dir: join(this.fixture.containerd.dir, `driver-${name}`),
      registrySocket: `${this.root}/plugins_registry/${name}-reg.sock`,
      socket: `${this.root}/plugins/${name}/csi.sock`,
      capabilities: ['STAGE_UNSTAGE_VOLUME', 'GET_VOLUME_STATS', 'EXPAND_VOLUME'],
      nodeId: `id-of-${name}`,
      ...given,
    };
    await fs.mkdir(options.dir, {recursive: true});
    await fs.writeFile(join(options.dir, 'control.json'), '{}');
    const driver = new Driver(options);
    this.#drivers.push(driver);
    await driver.start();
    if (options.versions !== undefined) return driver;
    await until(`${name} is in the CSINode`, async () => {
      const found = await this.fixture.sandbox.client.get(csiNodes, {name: nodeName});
      return found.spec.drivers?.some((entry) => entry.name === name);
    });
    return driver;
  }

  async driverObject(name: string, spec: Partial<CsiDriver['spec']>): Promise<void> {
    await this.fixture.sandbox.client.create(csiDrivers, {
      metadata: {name},
      spec: {attachRequired: false, fsGroupPolicy: 'ReadWriteOnceWithFSType', ...spec},
    });
  }

  async volume(name: string, draft: VolumeDraft): Promise<void> {
    const {driver, handle, accessMode = 'ReadWriteOnce', size = '1Gi', volumeMode = 'Filesystem'} = draft;
    const {client} = this.fixture.sandbox;
    const common = {accessModes: [accessMode], volumeMode};
    const claim = await client.create(
      persistentVolumeClaims,
      {
        metadata: {name, namespace},
        spec: {...common, volumeName: name, storageClassName: '', resources: {requests: {storage: size}}},
      },
      {namespace},
    );
    await client.create(persistentVolumes, {
      metadata: {name},
      spec: {
        ...common,
        capacity: {storage: size},
        claimRef: {kind: 'PersistentVolumeClaim', namespace, name, uid: claim.metadata.uid},
        ...(draft.mountOptions === undefined ? {} : {mountOptions: draft.mountOptions}),
        csi: {driver, volumeHandle: handle, fsType: draft.fsType ?? 'ext4', ...draft.csi},
      },
    });
    await client.patch(
      persistentVolumeClaims,
      {name, namespace, subresource: 'status'},
      {type: 'merge', body: {status: {phase: 'Bound', capacity: {storage: size}}}},
    );
  }

  claim(name: string): Promise<PersistentVolumeClaim> {
    return this.fixture.sandbox.client.get(persistentVolumeClaims, {name, namespace});
  }

  create(name: string, spec: Partial<PodSpec>): Promise<Pod> {
    return this.fixture.sandbox.client.create(
      pods,
      {
        metadata: {name, namespace},
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 5,
          nodeName,
          containers: [],
          ...spec,
        },
      },
      {namespace},
    );
  }

  get(name: string): Promise<Pod> {
    return this.fixture.sandbox.client.get(pods, {name, namespace});
  }

  async forget(name: string): Promise<void> {
    await this.fixture.sandbox.client.delete(pods, {name, namespace}, {gracePeriodSeconds: 0});
  }

  running(name: string): Promise<Pod> {
    return this.waitFor(name, 'it runs', ({status}) => status?.phase === 'Running');
  }

  async waitFor(name: string, what: string, check: (pod: Pod) => boolean): Promise<Pod> {
    let last: Pod | undefined;
    try {
      return await until(`${name}: ${what}`, async () => {
        last = await this.get(name);
        return check(last) ? last : undefined;
      });
    } catch (error) {
      const state = JSON.stringify({status: last?.status, told: await this.told(name)});
      throw new Error(`${name}: ${what}; ${state}; ${this.#kubelet?.output().slice(-3000)}`, {cause: error});
    }
  }

  async remove(...names: string[]): Promise<void> {
    for (const name of names) await this.fixture.sandbox.client.delete(pods, {namespace, name});
  }

  async gone(...names: string[]): Promise<void> {
    try {
      await until(`${names.join(', ')} are gone`, async () => {
        const {items} = await this.fixture.sandbox.client.list(pods, {namespace});
        return !items.some(({metadata}) => names.includes(metadata.name));
      });
    } catch (error) {
      throw new Error(`not gone: ${names.join(', ')}; ${this.#kubelet?.output().slice(-3000)}`, {
        cause: error,
      });
    }
  }

  async exec(name: string, ...cmd: string[]): Promise<string> {
    const {runtime} = this.fixture.containerd.cri;
    const {containers} = await runtime.listContainers({
      filter: {labelSelector: {'io.kubernetes.pod.name': name}, state: {state: 1}},
    });
    const {stdout, stderr} = await runtime.execSync({
      containerId: containers[0]?.id ?? '',
      cmd,
      timeout: 10n,
    });
    return Buffer.from(stdout).toString() + Buffer.from(stderr).toString();
  }

  async told(name: string, reason?: string): Promise<string[]> {
    const {items} = await this.fixture.sandbox.client.list(events, {namespace});
    return items
      .filter(
        (event) => event.involvedObject.name === name && (reason === undefined || event.reason === reason),
      )
      .map((event) => {
        // The code that `nodectl explain` knows more of is not Kubernetes' word.
        const message = (event.message ?? '').replace(/ \(nodectl explain ND\d+\)$/, '');
        return reason === undefined ? `${event.reason}: ${message}` : message;
      });
  }

  async mounts(): Promise<string[]> {
    const text = await fs.readFile('/proc/self/mountinfo', 'utf8');
    return text
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((point) => point.startsWith(`${this.root}/`) && point.includes('csi'));
  }

  async close(): Promise<void> {
    for (const driver of this.#drivers) driver.process?.kill('SIGKILL');
    if (this.#kubelet !== undefined) await this.killKubelet().catch(() => undefined);
    const {dir} = this.fixture.containerd;
    const all = execFileSync('losetup', ['-n', '-O', 'NAME,BACK-FILE'], {encoding: 'utf8'});
    await this.fixture.remove();
    for (const line of all.split('\n').filter((entry) => entry.includes(dir)))
      execFileSync('losetup', ['-d', line.trim().split(/\s+/)[0] ?? ''], {stdio: 'ignore'});
  }
}

class Driver implements TestDriver {
  readonly options: DriverOptions;
  process: ChildProcess | undefined;

  constructor(options: DriverOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    const script = new URL('./csi-driver.ts', import.meta.url).pathname;
    const flags = ['--experimental-transform-types', '--no-warnings'];
    const child = spawn(process.execPath, [...flags, script, JSON.stringify(this.options)], {stdio: 'pipe'});
    this.process = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output += chunk;
      });
    await until(`the driver serves`, () => {
      if (child.exitCode !== null) throw new Error(`the driver has ended: ${output}`);
      return output.includes('serving');
    });
  }

  async kill(): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async leave(): Promise<void> {
    await this.kill();
    await fs.rm(this.options.registrySocket, {force: true});
  }

  async control(control: Control): Promise<void> {
    const path = join(this.options.dir, 'control.json');
    await fs.writeFile(`${path}.new`, JSON.stringify(control));
    await fs.rename(`${path}.new`, path);
  }

  async calls(method?: string, volumeId?: string): Promise<Call[]> {
    const text = await fs.readFile(join(this.options.dir, 'calls.jsonl'), 'utf8').catch(() => '');
    const all: Call[] = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    return all.filter(
      (call) =>
        (method === undefined || call.method === method) &&
        (volumeId === undefined || call.request.volumeId === volumeId),
    );
  }
}
