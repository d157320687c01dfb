import {type CallOptions, ConnectError} from '@connectrpc/connect';
import {type Cri, connectCri, isCriDeadline, isCriUnimplemented} from '../cri/client.ts';
import {CgroupDriver} from '../cri/gen/api_pb.ts';
import {criMessage} from '../cri/message.ts';
import {errno} from '../files/files.ts';

export type RuntimeCondition = {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
};

/** What one look at a CRI socket teaches; failures are told apart by what a user must do. */
export type RuntimeSight =
  | {
      readonly kind: 'answers';
      readonly name: string;
      readonly version: string;
      readonly conditions: readonly RuntimeCondition[];
      readonly sandboxIds: readonly string[];
      /** How it names cgroups; undefined when it does not tell. */
      readonly cgroupDriver: 'systemd' | 'cgroupfs' | undefined;
      /** Where it looks for CNI plugins; undefined when it does not tell. */
      readonly cniBinDirs: readonly string[] | undefined;
    }
  | {
      readonly kind: 'no-socket' | 'refused' | 'silent' | 'no-cri' | 'forbidden' | 'failed';
      readonly detail: string;
    };

export async function lookAtRuntime(socket: string, signal: AbortSignal): Promise<RuntimeSight> {
  const cri = connectCri(socket);
  const options = {timeoutMs: 2700, signal};
  try {
    const [{version, cgroupDriver}, {status, info}, {items}] = await Promise.all([
      versionOf(cri, options),
      cri.runtime.status({verbose: true}, options),
      cri.runtime.listPodSandbox({}, options),
    ]);
    return {
      kind: 'answers',
      name: version.runtimeName,
      version: version.runtimeVersion,
      conditions: (status?.conditions ?? []).map(({type, status: ok, reason, message}) => ({
        type,
        status: ok,
        reason,
        message,
      })),
      sandboxIds: items.map(({id}) => id),
      cgroupDriver: cgroupDriver ?? driverOfConfig(info.config),
      cniBinDirs: cniBinDirsOf(info.config),
    };
  } catch (error) {
    return {kind: kindOf(error), detail: criMessage(error)};
  } finally {
    cri.close();
  }
}

/** Runtimes before containerd 2.0 cannot tell their driver: then their configuration does. */
async function versionOf(cri: Cri, options: CallOptions) {
  const version = await cri.runtime.version({}, options);
  const old = version.runtimeName === 'containerd' && /^v?1\./.test(version.runtimeVersion);
  return {version, cgroupDriver: old ? undefined : await driverOf(cri, options)};
}

async function driverOf(cri: Cri, options: CallOptions): Promise<'systemd' | 'cgroupfs' | undefined> {
  try {
    const driver = (await cri.runtime.runtimeConfig({}, options)).linux?.cgroupDriver;
    if (driver === CgroupDriver.SYSTEMD) return 'systemd';
    return driver === CgroupDriver.CGROUPFS ? 'cgroupfs' : undefined;
  } catch {
    return undefined;
  }
}

type ContainerdConfig = {
  readonly cni?: {readonly binDir?: string; readonly binDirs?: readonly string[]};
  readonly containerd?: {
    readonly defaultRuntimeName?: string;
    readonly runtimes?: Readonly<Record<string, {readonly options?: {readonly SystemdCgroup?: boolean}}>>;
  };
};

/** containerd 1.x tells its configuration as JSON; without the option runc's own default holds, cgroupfs. */
export function driverOfConfig(text: string | undefined): 'systemd' | 'cgroupfs' | undefined {
  if (text === undefined) return undefined;
  try {
    const {containerd}: ContainerdConfig = JSON.parse(text);
    const runtime = containerd?.runtimes?.[containerd.defaultRuntimeName ?? 'runc'];
    if (runtime === undefined) return undefined;
    return runtime.options?.SystemdCgroup === true ? 'systemd' : 'cgroupfs';
  } catch {
    return undefined;
  }
}

/** containerd 2.1 takes several directories; before, there was one. */
export function cniBinDirsOf(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const {cni}: ContainerdConfig = JSON.parse(text);
    const dirs = [...(cni?.binDirs ?? []), cni?.binDir ?? ''].filter((dir) => dir !== '');
    return dirs.length === 0 ? undefined : dirs;
  } catch {
    return undefined;
  }
}

function kindOf(error: unknown): Exclude<RuntimeSight['kind'], 'answers'> {
  if (isCriUnimplemented(error)) return 'no-cri';
  if (isCriDeadline(error)) return 'silent';
  switch (errno(ConnectError.from(error).cause)) {
    case 'ENOENT':
      return 'no-socket';
    case 'ECONNREFUSED':
      return 'refused';
    case 'EACCES':
      return 'forbidden';
    default:
      return 'failed';
  }
}
