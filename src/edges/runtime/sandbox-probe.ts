import {randomUUID} from 'node:crypto';
import {type Cri, connectCri} from '../cri/client.ts';
import {NamespaceMode} from '../cri/gen/api_pb.ts';
import {criMessage} from '../cri/message.ts';
import {listDirectory, readText} from '../files/files.ts';
import type {DnsAnswer} from '../network/probes/dns-query.ts';
import type {NetResult} from '../network/probes/probe-net.ts';
import {run} from '../process/run.ts';

export type ProbeWish = {
  readonly socket: string;
  readonly cgroupParent: string;
  /** The words that start nodectl: it looks from inside the pod's network. */
  readonly program: readonly string[];
  readonly dnsServer: string;
  readonly dnsName: string;
  /** `10.96.0.1:443` */
  readonly address: string;
};

/** What a pod that was started for it saw. */
export type SandboxProbe =
  | {readonly kind: 'failed'; readonly detail: string}
  | {
      readonly kind: 'ran';
      readonly ip: string;
      /** Lines of /proc/PID/cgroup. */
      readonly cgroups: readonly string[];
      readonly network: InsideProbe;
      /** Of its port of a bridge; undefined where there is none. */
      readonly hairpin: boolean | undefined;
    };

/** What `nodectl net-probe` prints. */
export type InsideProbe = {readonly dns: DnsAnswer; readonly egress: NetResult};

const startMs = 20_000;

/** Starts a pod sandbox without containers, looks at it from outside and inside, and takes it away again. */
export async function probeSandbox(wish: ProbeWish): Promise<SandboxProbe> {
  const cri = connectCri(wish.socket);
  try {
    return await withSandbox(cri, wish, async (id) => {
      const {status, info} = await cri.runtime.podSandboxStatus({podSandboxId: id, verbose: true});
      const {pid}: {pid?: number} = JSON.parse(info.info ?? '{}');
      if (pid === undefined) return {kind: 'failed', detail: 'the runtime does not tell its process'};
      const [cgroup, network, hairpin] = await Promise.all([
        readText(`/proc/${pid}/cgroup`),
        lookInside(pid, wish),
        hairpinOf(pid),
      ]);
      const cgroups = (cgroup ?? '').split('\n').filter((line) => line !== '');
      return {kind: 'ran', ip: status?.network?.ip ?? '', cgroups, network, hairpin};
    });
  } catch (error) {
    return {kind: 'failed', detail: criMessage(error)};
  } finally {
    cri.close();
  }
}

async function withSandbox<T>(cri: Cri, wish: ProbeWish, look: (id: string) => Promise<T>): Promise<T> {
  const options = {timeoutMs: startMs};
  const config = {
    // Without Kubernetes' labels: no kubelet takes it for one of its pods.
    metadata: {name: 'nodectl-probe', namespace: 'nodectl', uid: randomUUID(), attempt: 0},
    hostname: 'nodectl-probe',
    dnsConfig: {servers: [wish.dnsServer], searches: [], options: []},
    linux: {
      cgroupParent: wish.cgroupParent,
      securityContext: {namespaceOptions: {network: NamespaceMode.POD, pid: NamespaceMode.CONTAINER}},
    },
  };
  const {podSandboxId} = await cri.runtime.runPodSandbox({config}, options);
  try {
    return await look(podSandboxId);
  } finally {
    await cri.runtime.stopPodSandbox({podSandboxId}, options);
    await cri.runtime.removePodSandbox({podSandboxId}, options);
  }
}

async function lookInside(pid: number, wish: ProbeWish): Promise<InsideProbe> {
  const words = [...wish.program, 'net-probe', wish.dnsServer, wish.dnsName, wish.address];
  const {stdout} = await run('nsenter', ['--target', String(pid), '--net', ...words], {timeoutMs: 8000});
  return JSON.parse(stdout);
}

/** `2: eth0@if7: …`: the other end of the pod's link is number 7 out here. */
async function hairpinOf(pid: number): Promise<boolean | undefined> {
  const inside = ['--target', String(pid), '--net', 'ip', '-o', 'link', 'show', 'eth0'];
  const {stdout} = await run('nsenter', inside, {timeoutMs: 3000, okCodes: [0, 1]});
  const index = /eth0@if(\d+):/.exec(stdout)?.[1];
  for (const name of await listDirectory('/sys/class/net')) {
    const base = `/sys/class/net/${name}`;
    if ((await readText(`${base}/ifindex`))?.trim() !== index) continue;
    const mode = await readText(`${base}/brport/hairpin_mode`);
    return mode === undefined ? undefined : mode.trim() === '1';
  }
  return undefined;
}
