import {createWriteStream} from 'node:fs';
import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type Layout, layoutBelow} from '../../../src/config/layout.ts';
import {type Cri, connectCri} from '../../../src/edges/cri/client.ts';
import {type Child, run, start} from '../../../src/edges/process/exec.ts';
import {importTestImages, pauseImage} from './images.ts';
import {createNetns, type Netns} from './netns.ts';
import {until} from './wait.ts';

export type TestContainerd = {
  /** Everything of this runtime lies below it: the layout's directories too. */
  readonly dir: string;
  readonly layout: Layout;
  readonly endpoint: string;
  readonly netns: Netns;
  readonly cri: Cri;
  readonly pid: () => number;
  /** SIGKILL, as a crash would: containers go on. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends every container and takes away all that was made; safe to call after any failure. */
  remove(): Promise<void>;
};

export type ContainerdOptions = {
  /** The pod network; keep out of 10.96.0.0/12 and 10.244.0.0/16. */
  readonly subnet?: string;
  /** Where another containerd and its shim are; that of the machine without it. */
  readonly programs?: string;
  /** No CNI configuration at all: the runtime says NetworkReady=false. */
  readonly withoutCni?: boolean;
  /** How often writable layers are counted; containerd's default is ten seconds. */
  readonly statsSeconds?: number;
};

/** A containerd of a test's own: directories, socket, CNI and network namespace. */
export async function startContainerd(options: ContainerdOptions = {}): Promise<TestContainerd> {
  const dir = await mkdtemp(join(tmpdir(), 'nodectl-test-'));
  const layout = layoutBelow(dir);
  const netns = await createNetns();
  const endpoint = `unix://${layout.containerdSocket}`;
  await writeConfig(layout, dir, options);
  const cri = connectCri(endpoint);
  let child: Child | undefined;
  const handle: TestContainerd = {
    dir,
    layout,
    endpoint,
    netns,
    cri,
    pid: () => child?.pid ?? 0,
    async kill() {
      child?.kill('SIGKILL');
      await child;
    },
    async start() {
      child = startChild(layout, netns, dir, options.programs);
      await until('containerd answers', async () => (await cri.runtime.version({})).runtimeVersion);
    },
    async remove() {
      await removeAll(handle);
    },
  };
  try {
    await handle.start();
    await importTestImages(layout.containerdSocket);
  } catch (error) {
    await handle.remove();
    throw error;
  }
  return handle;
}

/** Not async: a child is a thenable, and awaiting it would wait for its end. */
function startChild(layout: Layout, netns: Netns, dir: string, programs: string | undefined): Child {
  const args = [`--net=${netns.path}`, 'containerd', '--config', layout.containerdConfig];
  const env: Record<string, string> = programs === undefined ? {} : {PATH: `${programs}:${process.env.PATH}`};
  const child = start('nsenter', args, {env});
  const log = createWriteStream(join(dir, 'containerd.log'), {flags: 'a'});
  child.stderr.pipe(log);
  child.stdout.resume();
  return child;
}

async function writeConfig(layout: Layout, dir: string, options: ContainerdOptions): Promise<void> {
  for (const path of [layout.runDir, layout.containerdRoot, layout.cniConfDir, `${dir}/cni-data`])
    await mkdir(path, {recursive: true});
  await writeFile(
    layout.containerdConfig,
    `version = 2
root = "${layout.containerdRoot}"
state = "${layout.containerdState}"
[grpc]
  address = "${layout.containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stats_collect_period = ${options.statsSeconds ?? 10}
  enable_cdi = true
  cdi_spec_dirs = ["${dir}/cdi"]
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${layout.cniConfDir}"
`,
  );
  if (!options.withoutCni) await writeCni(layout, dir, options.subnet ?? '10.88.0.0/16');
}

/** A bridge of the namespace's own with host-local addresses. */
export async function writeCni(layout: Layout, dir: string, subnet: string): Promise<void> {
  const ipam = {
    type: 'host-local',
    ranges: [[{subnet}]],
    routes: [{dst: '0.0.0.0/0'}],
    dataDir: `${dir}/cni-data`,
  };
  const conf = {
    cniVersion: '0.4.0',
    name: 'test',
    plugins: [{type: 'bridge', bridge: 'cni0', isGateway: true, ipam}],
  };
  await writeFile(join(layout.cniConfDir, '10-test.conflist'), JSON.stringify(conf));
}

async function removeAll(it: TestContainerd): Promise<void> {
  await removePods(it.cri).catch(() => undefined);
  it.cri.close();
  await it.kill();
  await killBelow(it.dir);
  await unmountBelow(it.dir);
  await rm(it.dir, {recursive: true, force: true});
  await it.netns.remove();
}

async function removePods(cri: Cri): Promise<void> {
  const {containers} = await cri.runtime.listContainers({});
  await Promise.all(
    containers.map((c) => cri.runtime.stopContainer({containerId: c.id, timeout: 0n}).catch(() => undefined)),
  );
  const {items} = await cri.runtime.listPodSandbox({});
  await Promise.all(
    items.map(async (s) => {
      await cri.runtime.stopPodSandbox({podSandboxId: s.id});
      await cri.runtime.removePodSandbox({podSandboxId: s.id});
    }),
  );
}

/** Shims (and their containers) whose command line names `dir`: what a failed removal has left. */
async function killBelow(dir: string): Promise<void> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const facts = await Promise.all(
    processes.map(async (pid) => ({
      pid,
      parent: Number(/^PPid:\s+(\d+)/m.exec(await readProc(pid, 'status'))?.[1] ?? 0),
      ours: (await readProc(pid, 'cmdline')).includes(`${dir}/`) && pid !== process.pid,
    })),
  );
  const shims = new Set(facts.filter((f) => f.ours).map((f) => f.pid));
  for (const {pid, parent} of facts) if (shims.has(pid) || shims.has(parent)) killOne(pid);
}

async function readProc(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function unmountBelow(dir: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${dir}/`));
  for (const path of mounts.reverse()) await run('umount', ['-l', path], {okCodes: [0, 32]});
}
