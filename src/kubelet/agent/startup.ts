import {kernelDefaults} from '../../config/kubelet/kernel-defaults.ts';
import type {KubeletConfig} from '../../config/kubelet.ts';
import {joinCgroup} from '../../edges/cgroups/cgroups.ts';
import {pause} from '../../edges/clock.ts';
import {type Cri, connectCri, type OnCriCall} from '../../edges/cri/client.ts';
import {makeDirectory} from '../../edges/files/files.ts';
import {readHostFacts} from '../../edges/machine/host-facts.ts';
import {observeMachine} from '../../edges/machine/machine.ts';
import {readSysctl} from '../../edges/machine/sysctl.ts';
import {portOwners} from '../../edges/network/ports.ts';
import {setOomScoreAdj} from '../../edges/process/process-life.ts';
import {describeError, NodectlError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {excessReservations} from '../node/resources.ts';

export type MachineFacts = {
  readonly swaps: readonly string[];
  readonly cgroup: 1 | 2;
  readonly owners: readonly {readonly port: number; readonly pid?: number; readonly command?: string}[];
  /** `vm.overcommit_memory is 0, not 1`, of what the kernel has. */
  readonly kernel: readonly string[];
};

/** Why a kubelet must not start here; undefined when it may. */
export function startProblem(config: KubeletConfig, machine: MachineFacts): NodectlError | undefined {
  const [owner] = machine.owners;
  if (owner !== undefined) {
    const who =
      owner.pid === undefined ? 'another process' : `process ${owner.pid} (${owner.command ?? 'unknown'})`;
    return new NodectlError(
      'ND601',
      `port ${owner.port} is in use by ${who}: two kubelets cannot share a machine`,
    );
  }
  if (config.failSwapOn && machine.swaps.length > 0)
    return new NodectlError('ND721', `swap is on (${machine.swaps.join(', ')}) and failSwapOn is true`, {
      next: ['swapoff -a', 'or set failSwapOn: false'],
    });
  if (config.failCgroupV1 && machine.cgroup === 1)
    return new NodectlError('ND721', 'this machine uses cgroup v1 and failCgroupV1 is true', {
      next: ['set failCgroupV1: false'],
    });
  if (config.singleProcessOOMKill === false && machine.cgroup === 1)
    return new NodectlError('ND721', 'singleProcessOOMKill is false, which cgroup v1 cannot do', {
      next: ['leave singleProcessOOMKill out'],
    });
  if (config.protectKernelDefaults && machine.kernel.length > 0)
    return new NodectlError('ND721', `protectKernelDefaults is true, and ${machine.kernel.join(', ')}`, {
      next: ['nodectl join', 'or set them in /etc/sysctl.d, and sysctl --system'],
    });
  return undefined;
}

/** Kubernetes' kubelet sets these by itself; here `nodectl join` does, so that a reset puts back what there was. */
async function kernelDifferences(): Promise<string[]> {
  const seen = await Promise.all(kernelDefaults.map(({key}) => readSysctl(key)));
  return kernelDefaults.flatMap(({key, value}, at) =>
    seen[at] === undefined || seen[at] === String(value) ? [] : [`${key} is ${seen[at]}, not ${value}`],
  );
}

/** @throws NodectlError ND601 or ND721 */
export async function checkMachine(config: KubeletConfig, log: Logger): Promise<void> {
  const served = config.enableServer ? [config.port, config.readOnlyPort] : [];
  const ports = [...served, config.healthzPort].filter((port) => port > 0);
  const [machine, owners, kernel] = await Promise.all([
    observeMachine(),
    portOwners(ports),
    kernelDifferences(),
  ]);
  const problem = startProblem(config, {...machine, owners, kernel});
  if (problem !== undefined) throw problem;
  if (kernel.length > 0) log.warn('the kernel is not set as Kubernetes wants it', {settings: kernel});
  if (machine.cgroup === 1) log.warn('cgroup v1 is in maintenance mode: move this machine to cgroup v2');
  await setOomScoreAdj(config.oomScoreAdj).catch((error: unknown) =>
    log.warn('the kubelet is not protected from the OOM killer', {error: describeError(error)}),
  );
  if (config.kubeletCgroups !== '') await moveTo(config.kubeletCgroups);
}

/** @throws NodectlError ND721 when more is set aside than there is: a limit of nothing would end every pod */
export async function checkReservations(config: KubeletConfig): Promise<void> {
  const excess = excessReservations(await readHostFacts(config.rootDir), config);
  if (excess.length > 0)
    throw new NodectlError(
      'ND721',
      `kubeReserved, systemReserved and evictionHard set aside ${excess.join(', ')}`,
      {next: ['Set aside less than this machine has']},
    );
}

/** @throws NodectlError ND721 when this process cannot be moved: then it is not limited as somebody wanted it to be */
async function moveTo(cgroup: string): Promise<void> {
  try {
    await joinCgroup(cgroup, process.pid);
  } catch (cause) {
    throw new NodectlError('ND721', `the kubelet cannot move into the cgroup ${cgroup}`, {cause});
  }
}

/** Modes are those of Kubernetes' kubelet (setupDataDirs): volumes and logs of pods are not for everybody. */
export async function makeDirectories(config: KubeletConfig): Promise<void> {
  const {rootDir} = config;
  for (const path of [rootDir, `${rootDir}/pods`, `${rootDir}/plugins`, `${rootDir}/plugins_registry`])
    await makeDirectory(path, 0o750);
  await makeDirectory(`${rootDir}/device-plugins`, 0o750);
  await makeDirectory(config.certDir, 0o750);
  await makeDirectory(config.podLogsDir, 0o750);
  await makeDirectory(config.containerLogDir, 0o755);
}

const criPollMs = 500;
const criLogMs = 10_000;
const criTimeoutMs = 5_000;

/** Waits until the container runtime answers, and says so while it does not. */
export async function waitForRuntime(
  cri: Cri,
  {config, clock, log, signal}: {config: KubeletConfig; clock: Clock; log: Logger; signal: AbortSignal},
): Promise<void> {
  let toldMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    signal.throwIfAborted();
    try {
      const {runtimeName, runtimeVersion} = await cri.runtime.version({}, {timeoutMs: criTimeoutMs, signal});
      log.info('connected to the container runtime', {runtime: runtimeName, version: runtimeVersion});
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (clock.monotonic() - toldMs >= criLogMs) {
        toldMs = clock.monotonic();
        log.warn('waiting for the container runtime', {
          endpoint: config.containerRuntimeEndpoint,
          error: describeError(error),
        });
      }
    }
    await pause(clock, criPollMs, signal);
  }
}

/** Images may be somebody else's work than containers. */
export function connectRuntime(config: KubeletConfig, onCall: OnCriCall): Cri {
  const {containerRuntimeEndpoint, imageServiceEndpoint, runtimeRequestTimeout} = config;
  const runtime = connectCri(containerRuntimeEndpoint, runtimeRequestTimeout, onCall);
  if (imageServiceEndpoint === '' || imageServiceEndpoint === containerRuntimeEndpoint) return runtime;
  const {images, close} = connectCri(imageServiceEndpoint, runtimeRequestTimeout, onCall);
  return {
    ...runtime,
    images,
    close() {
      close();
      runtime.close();
    },
  };
}
