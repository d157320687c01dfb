import {type ChildProcess, spawn} from 'node:child_process';
import {createWriteStream} from 'node:fs';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {kubeconfigText} from '../../../src/config/kubeconfig.ts';
import {removeCgroup} from '../../../src/edges/cgroups/cgroup-tree.ts';
import {realClock} from '../../../src/edges/clock.ts';
import type {Node} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import {nodes, secrets, serviceAccounts} from '../../../src/lib/resources.ts';
import {startControlPlane} from '../../../src/sandbox/control-plane.ts';
import type {Sandbox} from '../../../src/sandbox/options.ts';
import {startContainerd, type TestContainerd} from '../support/containerd.ts';
import {connectNetns} from '../support/netns.ts';
import {until} from '../support/wait.ts';

export const nodeName = 'node-a';
// A /30 of this run's own: what a killed run left must not be on the way.
const net = `10.78.${process.pid % 256}`;
export const host = `${net}.1`;
export const inside = `${net}.2`;
const cgroupRoot = `/nodectl-test-node-${process.pid}`;

export type Kubelet = {
  readonly process: ChildProcess;
  readonly pid: number;
  output(): string;
  /** Waits for the end and gives the exit code. */
  ended(): Promise<number | null>;
};

export type Fixture = {
  readonly containerd: TestContainerd;
  readonly sandbox: Sandbox;
  readonly kubeconfig: string;
  readonly certDir: string;
  /** Starts a kubelet as a process in the node's network namespace, from the command line. */
  start(...more: string[]): Kubelet;
  node(): Promise<Node | undefined>;
  ready(what?: string): Promise<Node>;
  condition(type: string): Promise<{status: string; reason?: string; message?: string} | undefined>;
  remove(): Promise<void>;
};

/** A control plane in this process, a runtime in a namespace of its own, and a bootstrap token between them. */
export async function startFixture(extraConfig = ''): Promise<Fixture> {
  const containerd = await startContainerd({subnet: '10.89.0.0/16'});
  const {dir, layout} = containerd;
  let sandbox: Sandbox | undefined;
  const kubelets: ChildProcess[] = [];
  const remove = async () => {
    for (const kubelet of kubelets) kubelet.kill('SIGKILL');
    await sandbox?.close();
    await containerd.remove();
    await removeCgroup(cgroupRoot);
  };
  try {
    await connectNetns(containerd.netns, {host, inside});
    await mkdir(`${dir}/api`);
    sandbox = await startControlPlane({
      stateDir: `${dir}/api`,
      address: host,
      port: 0,
      serviceCidr: '10.96.0.0/12',
      podCidr: '10.244.0.0/16',
      clusterDomain: 'cluster.local',
      version: 'v1.36.0',
      dnsServiceIp: '10.96.0.10',
      dnsPort: 5300,
      log: silent,
      clock: realClock,
    });
    await prepare(containerd, sandbox, extraConfig);
    return assemble({
      containerd,
      sandbox,
      kubelets,
      remove,
      kubeconfig: `${layout.kubernetesDir}/kubelet.conf`,
    });
  } catch (error) {
    await remove();
    throw error;
  }
}

async function prepare(
  {layout, endpoint}: TestContainerd,
  sandbox: Sandbox,
  extraConfig: string,
): Promise<void> {
  await mkdir(`${layout.kubernetesDir}/pki`, {recursive: true});
  const token = {id: 'abcdef', secret: '0123456789abcdef'};
  await sandbox.client.create(secrets, {
    metadata: {name: `bootstrap-token-${token.id}`, namespace: 'kube-system'},
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': token.id,
      'token-secret': token.secret,
      'usage-bootstrap-authentication': 'true',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
    },
  });
  const ca = await readFile(sandbox.files.caCert, 'utf8');
  await writeFile(`${layout.kubernetesDir}/pki/ca.crt`, ca);
  await writeFile(
    `${layout.kubernetesDir}/bootstrap-kubelet.conf`,
    kubeconfigText({server: sandbox.url, caData: ca, token: `${token.id}.${token.secret}`}),
  );
  await writeFile(
    `${layout.kubernetesDir}/config.yaml`,
    `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  x509:
    clientCAFile: pki/ca.crt
containerRuntimeEndpoint: ${endpoint}
podLogsDir: ${layout.podLogDir}
cgroupRoot: ${cgroupRoot}
failCgroupV1: false
failSwapOn: false
rotateCertificates: true
# Test machines may be fuller than the defaults like.
evictionHard: {memory.available: 1Mi, nodefs.available: 1Mi}
${extraConfig}`,
  );
  await until(
    'the default service account',
    async () => (await sandbox.client.list(serviceAccounts, {namespace: 'default'})).items.length > 0,
  );
}

type Parts = {
  readonly containerd: TestContainerd;
  readonly sandbox: Sandbox;
  readonly kubelets: ChildProcess[];
  readonly kubeconfig: string;
  readonly remove: () => Promise<void>;
};

function assemble({containerd, sandbox, kubelets, kubeconfig, remove}: Parts): Fixture {
  const {layout, netns, dir} = containerd;
  const node = async () => (await sandbox.client.list(nodes)).items.find((n) => n.metadata.name === nodeName);
  const condition = async (type: string) => (await node())?.status?.conditions?.find((c) => c.type === type);
  return {
    containerd,
    sandbox,
    kubeconfig,
    certDir: `${layout.kubeletDir}/pki`,
    node,
    condition,
    ready: (what = 'the Node is Ready') =>
      until(what, async () => ((await condition('Ready'))?.status === 'True' ? node() : undefined), {
        timeoutMs: 60_000,
      }),
    start(...more) {
      const flags = {
        config: `${layout.kubernetesDir}/config.yaml`,
        kubeconfig,
        'bootstrap-kubeconfig': `${layout.kubernetesDir}/bootstrap-kubelet.conf`,
        'root-dir': layout.kubeletDir,
        'container-log-dir': layout.containerLogDir,
        'hostname-override': nodeName,
        'node-labels': 'tier=edge',
        'register-with-taints': 'dedicated=test:PreferNoSchedule',
      };
      const words = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
      const main = join(import.meta.dirname, '../../../src/main.ts');
      // The generated CRI code has enums, which are more than types to strip.
      const program = [process.execPath, '--experimental-transform-types', '--no-warnings', main, 'kubelet'];
      const child = spawn('nsenter', [`--net=${netns.path}`, ...program, ...words, ...more]);
      kubelets.push(child);
      return follow(child, `${dir}/kubelet.log`);
    },
    remove,
  };
}

function follow(child: ChildProcess, file: string): Kubelet {
  let output = '';
  const log = createWriteStream(file, {flags: 'a'});
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      output += chunk;
      log.write(chunk);
    });
  return {process: child, pid: child.pid ?? 0, output: () => output, ended: () => ended};
}
