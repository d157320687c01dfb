import {
  type Container,
  type ContainerStatus,
  ContainerState as CriState,
  NamespaceMode,
  PodSandboxState,
  type PodSandboxStatus,
} from '../../edges/cri/gen/api_pb.ts';
import {isCutOffStart} from '../../edges/cri/message.ts';
import {containerAnnotations} from '../pod/config/container-config.ts';
import {quotaToMilli, sharesToMilli} from '../pod/config/resources/resources.ts';
import {podLabels} from '../pod/config/sandbox-config.ts';
import type {
  ContainerStateName,
  RuntimeContainer,
  RuntimeSandbox,
  RuntimeUser,
} from '../pod/status/runtime-state.ts';

const perMs = 1_000_000n;
const toMs = (nanoseconds: bigint): number => Number(nanoseconds / perMs);

export function sandboxFrom(status: PodSandboxStatus): RuntimeSandbox {
  const {network} = status;
  return {
    id: status.id,
    name: status.metadata?.name ?? '',
    namespace: status.metadata?.namespace ?? '',
    attempt: status.metadata?.attempt ?? 0,
    ready: status.state === PodSandboxState.SANDBOX_READY,
    createdAtMs: toMs(status.createdAt),
    ips: network?.ip ? [network.ip, ...network.additionalIps.map(({ip}) => ip)] : [],
    hostNetwork: status.linux?.namespaces?.options?.network === NamespaceMode.NODE,
  };
}

export function stateName(state: CriState): ContainerStateName {
  switch (state) {
    case CriState.CONTAINER_CREATED:
      return 'created';
    case CriState.CONTAINER_RUNNING:
      return 'running';
    case CriState.CONTAINER_EXITED:
      return 'exited';
    default:
      return 'unknown';
  }
}

/** The list knows the sandbox, the status the rest. `message` is the termination message where there is one. */
export function containerFrom(
  listed: Pick<Container, 'podSandboxId'>,
  status: ContainerStatus,
  message: string,
): RuntimeContainer {
  const state = isCutOffStart(status) ? 'created' : stateName(status.state);
  return {
    id: status.id,
    name: status.labels[podLabels.container] ?? status.metadata?.name ?? '',
    sandboxId: listed.podSandboxId,
    attempt: restartCount(status),
    state,
    createdAtMs: toMs(status.createdAt),
    startedAtMs: toMs(status.startedAt),
    finishedAtMs: toMs(status.finishedAt),
    exitCode: status.exitCode,
    reason: status.reason,
    message: state === 'exited' ? message : status.message,
    image: status.image?.userSpecifiedImage || status.image?.image || '',
    imageRef: status.imageRef,
    logPath: status.logPath,
    annotations: status.annotations,
    user: userFrom(status),
    ...resourcesFrom(status),
  };
}

function restartCount(status: ContainerStatus): number {
  const text = status.annotations[containerAnnotations.restartCount];
  const count = text === undefined ? Number.NaN : Number(text);
  return Number.isInteger(count) && count >= 0 ? count : (status.metadata?.attempt ?? 0);
}

function resourcesFrom({resources}: ContainerStatus): Pick<RuntimeContainer, 'resources'> {
  const linux = resources?.linux;
  if (linux === undefined) return {};
  const limit = quotaToMilli(Number(linux.cpuQuota), Number(linux.cpuPeriod));
  const request = sharesToMilli(Number(linux.cpuShares));
  const memory = Number(linux.memoryLimitInBytes);
  return {
    resources: {
      ...(request > 0 ? {cpuRequestMilli: request} : {}),
      ...(limit > 0 ? {cpuLimitMilli: limit} : {}),
      ...(memory > 0 ? {memoryLimitBytes: memory} : {}),
    },
  };
}

function userFrom(status: ContainerStatus): RuntimeUser | undefined {
  const linux = status.user?.linux;
  if (linux === undefined) return undefined;
  return {
    uid: Number(linux.uid),
    gid: Number(linux.gid),
    supplementalGroups: linux.supplementalGroups.map(Number),
  };
}
