import type {MessageInitShape} from '@bufbuild/protobuf';
import {
  type LinuxContainerSecurityContextSchema,
  type LinuxSandboxSecurityContextSchema,
  NamespaceMode,
  type NamespaceOptionSchema,
  SupplementalGroupsPolicy,
  type UserNamespaceSchema,
} from '../../../../edges/cri/gen/api_pb.ts';
import type {Container, Pod, PodSpec} from '../../../../lib/kubernetes.ts';
import {PodConfigError} from '../config-error.ts';
import {appArmorProfile, runtimeDefault, seccompProfile} from './security-profiles.ts';

export type ContainerSecurity = MessageInitShape<typeof LinuxContainerSecurityContextSchema>;
export type SandboxSecurity = MessageInitShape<typeof LinuxSandboxSecurityContextSchema>;
export type NamespaceOptions = MessageInitShape<typeof NamespaceOptionSchema>;
export type UserNamespaceMapping = MessageInitShape<typeof UserNamespaceSchema>;

/** The user that an image names; the runtime tells one of both, or none for root. */
export type ImageUser = {readonly uid?: number; readonly username?: string};

export type SecurityFacts = {
  /** `<kubelet root>/seccomp`: where Localhost profiles are. */
  readonly seccompRoot: string;
  /** seccompDefault of the configuration. */
  readonly seccompDefault: boolean;
  /** More paths to mask on this machine: `/sys/devices/system/cpu/cpuN/thermal_throttle` where they exist. */
  readonly maskedPaths: readonly string[];
  /** For pods with `hostUsers: false`, where the runtime has user namespaces. */
  readonly userNamespace?: UserNamespaceMapping;
};

export type ContainerSecurityInput = {
  readonly pod: Pod;
  readonly container: Container;
  readonly imageUser: ImageUser;
  /** Groups that volumes of the pod ask for (pv.beta.kubernetes.io/gid). */
  readonly volumeGroups?: readonly number[];
  /** The runtime's id of the container whose processes an ephemeral container shares. */
  readonly targetContainerId?: string;
  readonly facts: SecurityFacts;
};

type SecurityContext = NonNullable<Container['securityContext']>;

const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
const maxUserId = 2 ** 31 - 1;

/** The container's security context: its own fields over the pod's, Kubernetes' defaults for the rest. */
export function containerSecurity(input: ContainerSecurityInput): ContainerSecurity {
  const {pod, container, imageUser, facts} = input;
  const context = effective(pod, container);
  verifyRunAsNonRoot(pod, container, context, imageUser);
  const unmasked = context.procMount === 'Unmasked';
  return {
    ...(context.capabilities === undefined
      ? {}
      : {
          capabilities: {
            addCapabilities: context.capabilities.add ?? [],
            dropCapabilities: context.capabilities.drop ?? [],
          },
        }),
    privileged: context.privileged ?? false,
    namespaceOptions: containerNamespaces(input),
    ...selinux(context.seLinuxOptions),
    ...user(context, imageUser),
    ...(context.runAsGroup === undefined ? {} : {runAsGroup: {value: BigInt(context.runAsGroup)}}),
    readonlyRootfs: context.readOnlyRootFilesystem ?? false,
    ...supplementalGroups(pod, input.volumeGroups),
    noNewPrivs: context.allowPrivilegeEscalation === false,
    maskedPaths: unmasked ? [] : [...maskedPaths, ...facts.maskedPaths],
    readonlyPaths: unmasked ? [] : readonlyPaths,
    seccomp: seccompProfile(pod, container, facts.seccompRoot, facts.seccompDefault),
    ...appArmorProfile(pod, container),
  };
}

export function sandboxSecurity(pod: Pod, facts: SecurityFacts): SandboxSecurity {
  const context = pod.spec.securityContext;
  return {
    privileged: allContainers(pod.spec).some((container) => container.securityContext?.privileged === true),
    // The sandbox itself always runs confined; containers have their own profile.
    seccomp: runtimeDefault,
    namespaceOptions: namespaces(pod, facts),
    ...(context?.runAsUser === undefined ? {} : {runAsUser: {value: BigInt(context.runAsUser)}}),
    ...(context?.runAsGroup === undefined ? {} : {runAsGroup: {value: BigInt(context.runAsGroup)}}),
    ...supplementalGroups(pod),
    ...selinux(context?.seLinuxOptions),
  };
}

function containerNamespaces({pod, targetContainerId, facts}: ContainerSecurityInput): NamespaceOptions {
  const options = namespaces(pod, facts);
  if (targetContainerId === undefined || options.pid !== NamespaceMode.CONTAINER) return options;
  return {...options, pid: NamespaceMode.TARGET, targetId: targetContainerId};
}

function namespaces(pod: Pod, facts: SecurityFacts): NamespaceOptions & {pid: NamespaceMode} {
  const {spec} = pod;
  const own = spec.shareProcessNamespace === true ? NamespaceMode.POD : NamespaceMode.CONTAINER;
  return {
    network: spec.hostNetwork === true ? NamespaceMode.NODE : NamespaceMode.POD,
    ipc: spec.hostIPC === true ? NamespaceMode.NODE : NamespaceMode.POD,
    pid: spec.hostPID === true ? NamespaceMode.NODE : own,
    ...userNamespace(spec, facts),
  };
}

/** `hostUsers: false` is a promise of isolation: without it the pod must not start. */
function userNamespace(spec: PodSpec, facts: SecurityFacts): NamespaceOptions {
  if (spec.hostUsers === undefined) return {};
  if (spec.hostUsers) return {usernsOptions: {mode: NamespaceMode.NODE}};
  if (facts.userNamespace === undefined)
    throw new PodConfigError('hostUsers is false, but this node does not support user namespaces');
  return {usernsOptions: facts.userNamespace};
}

function user(
  context: SecurityContext,
  image: ImageUser,
): Pick<ContainerSecurity, 'runAsUser' | 'runAsUsername'> {
  if (context.runAsUser !== undefined) return {runAsUser: {value: BigInt(context.runAsUser)}};
  if (image.username) return {runAsUsername: image.username};
  return {runAsUser: {value: BigInt(image.uid ?? 0)}};
}

function supplementalGroups(
  pod: Pod,
  more: readonly number[] = [],
): Pick<ContainerSecurity, 'supplementalGroups' | 'supplementalGroupsPolicy'> {
  const context = pod.spec.securityContext;
  const groups = [
    ...(context?.fsGroup === undefined ? [] : [context.fsGroup]),
    ...(context?.supplementalGroups ?? []),
    ...more,
  ];
  const policy = context?.supplementalGroupsPolicy ?? 'Merge';
  if (policy !== 'Merge' && policy !== 'Strict')
    throw new PodConfigError(`unsupported supplementalGroupsPolicy: ${policy}`);
  return {
    supplementalGroups: groups.map(BigInt),
    supplementalGroupsPolicy: SupplementalGroupsPolicy[policy],
  };
}

function selinux(options: SecurityContext['seLinuxOptions']): Pick<ContainerSecurity, 'selinuxOptions'> {
  if (options === undefined) return {};
  const {user = '', role = '', type = '', level = ''} = options;
  return {selinuxOptions: {user, role, type, level}};
}

/** Only numbers can be judged: a user's name could be root in the image. */
function verifyRunAsNonRoot(
  pod: Pod,
  container: Container,
  context: SecurityContext,
  image: ImageUser,
): void {
  if (context.runAsNonRoot !== true) return;
  const {name, namespace, uid} = pod.metadata;
  const where = `(pod: "${name}_${namespace}(${uid})", container: ${container.name})`;
  if (context.runAsUser !== undefined) {
    if (context.runAsUser === 0)
      throw new PodConfigError(`container's runAsUser breaks non-root policy ${where}`);
  } else if (image.username)
    throw new PodConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    );
  else if ((image.uid ?? 0) === 0)
    throw new PodConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  else if ((image.uid ?? 0) < 0 || (image.uid ?? 0) > maxUserId)
    throw new PodConfigError(
      `container has runAsNonRoot and image has an invalid user id (${image.uid}). (Must be 1-(${maxUserId})) ${where}`,
    );
}

/** Of the pod's fields only these reach a container that does not set them. */
function effective(pod: Pod, container: Container): SecurityContext {
  const {seLinuxOptions, runAsUser, runAsGroup, runAsNonRoot} = pod.spec.securityContext ?? {};
  const own = Object.entries(container.securityContext ?? {}).filter(([, value]) => value !== undefined);
  return {seLinuxOptions, runAsUser, runAsGroup, runAsNonRoot, ...Object.fromEntries(own)};
}

function allContainers(spec: PodSpec): readonly Container[] {
  return [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
}
