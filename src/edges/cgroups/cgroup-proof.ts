import {NodectlError} from '../../lib/errors.ts';
import {type Cri, connectCri} from '../cri/client.ts';
import {NamespaceMode} from '../cri/gen/api_pb.ts';
import {readText} from '../files/files.ts';
import {removeCgroup} from './cgroup-tree.ts';
import {stopSlice} from './systemd-cgroups.ts';

export type CgroupDriver = 'systemd' | 'cgroupfs';

/** No dash in it: in a slice's name that would be a parent. */
const name = 'nodectlprobe';
const label = {'nodectl.io/probe': 'cgroup'};
/** Where a sandbox of the proof lives while it does: noted before it is made. */
export const proofCgroup: Readonly<Record<CgroupDriver, string>> = {systemd: `${name}.slice`, cgroupfs: name};

/**
 * Makes a sandbox below a cgroup that the driver names and looks where its process is: what a runtime says of its
 * driver proves nothing. It uses the host's network, so that no plugin is needed.
 * @throws NodectlError ND510 when it is elsewhere, ND508 when no sandbox can be made
 */
export async function proveCgroups(socket: string, driver: CgroupDriver): Promise<void> {
  const cri = connectCri(socket);
  try {
    await clear(cri);
    const id = await runSandbox(cri, driver);
    const cgroup = await cgroupOf(cri, id);
    const expected = driver === 'systemd' ? `/${name}.slice/cri-containerd-${id}.scope` : `/${name}/${id}`;
    if (cgroup !== undefined && !cgroup.includes(expected))
      throw new NodectlError('ND510', `a sandbox is in ${cgroup}, not in …${expected} (${driver} driver)`);
  } finally {
    await clear(cri).catch(() => undefined);
    cri.close();
    if (driver === 'systemd') await stopSlice(proofCgroup.systemd).catch(() => undefined);
    await removeCgroup(proofCgroup[driver]);
  }
}

async function runSandbox({runtime}: Cri, driver: CgroupDriver): Promise<string> {
  const config = {
    metadata: {name, namespace: 'nodectl', uid: name, attempt: 0},
    labels: label,
    linux: {
      cgroupParent: driver === 'systemd' ? proofCgroup.systemd : `/${proofCgroup.cgroupfs}`,
      securityContext: {namespaceOptions: {network: NamespaceMode.NODE, pid: NamespaceMode.CONTAINER}},
    },
  };
  try {
    return (await runtime.runPodSandbox({config}, {timeoutMs: 60_000})).podSandboxId;
  } catch (cause) {
    // The message of runc for a path in the other driver's form (libcontainer, cgroups/systemd).
    const other = cause instanceof Error && /cgroupsPath|\.slice/.test(cause.message);
    throw new NodectlError(other ? 'ND510' : 'ND508', 'the runtime makes no sandbox', {cause});
  }
}

/** The cgroup of a sandbox's process as the kernel has it; undefined when the runtime does not tell its process. */
async function cgroupOf({runtime}: Cri, id: string): Promise<string | undefined> {
  const {info} = await runtime.podSandboxStatus({podSandboxId: id, verbose: true}, {timeoutMs: 10_000});
  const told: {pid?: number} = JSON.parse(info.info ?? '{}');
  const text = told.pid === undefined ? undefined : await readText(`/proc/${told.pid}/cgroup`);
  return text
    ?.split('\n')
    .map((line) => line.split(':').slice(2).join(':'))
    .find((path) => path.includes(id));
}

/** Those of an earlier proof that was killed, too. */
async function clear({runtime}: Cri): Promise<void> {
  const {items} = await runtime.listPodSandbox({filter: {labelSelector: label}}, {timeoutMs: 10_000});
  for (const {id} of items) {
    await runtime.stopPodSandbox({podSandboxId: id}, {timeoutMs: 30_000});
    await runtime.removePodSandbox({podSandboxId: id}, {timeoutMs: 30_000});
  }
}
