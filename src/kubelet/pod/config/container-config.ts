import type {MessageInitShape} from '@bufbuild/protobuf';
import type {
  ContainerConfigSchema,
  Device,
  DeviceSchema,
  Mount,
  MountSchema,
} from '../../../edges/cri/gen/api_pb.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import {rawBytes} from '../../../lib/text/raw-text.ts';
import type {Placement} from '../../managers/types.ts';
import {containerHash} from '../actions/hash.ts';
import type {EnvironmentVariable} from './environment/environment.ts';
import {expand} from './environment/expansion.ts';
import {containerResources, quotaFacts, type ResourceFacts} from './resources/resources.ts';
import {podLabels} from './sandbox-config.ts';
import {containerSecurity, type ImageUser, type SecurityFacts} from './security/security.ts';

export type ContainerConfig = MessageInitShape<typeof ContainerConfigSchema>;
export type ContainerMount = Exclude<MessageInitShape<typeof MountSchema>, Mount>;

export type ContainerDevice = Exclude<MessageInitShape<typeof DeviceSchema>, Device>;

export type ContainerConfigInput = {
  readonly pod: Pod;
  readonly container: Container;
  /** The restart count of this start. */
  readonly attempt: number;
  /** What the runtime calls the pulled image. */
  readonly imageRef: string;
  readonly imageUser: ImageUser;
  readonly environment: readonly EnvironmentVariable[];
  /** Volumes, /etc/hosts and the termination log, in this order. */
  readonly mounts: readonly ContainerMount[];
  /** Of device plugins, and block volumes. */
  readonly devices?: readonly ContainerDevice[];
  /** Fully qualified names of the Container Device Interface. */
  readonly cdiDevices?: readonly string[];
  /** What device plugins want the runtime to see; ours go over them. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly placement?: Placement | undefined;
  /** Groups that volumes of the pod ask for. */
  readonly volumeGroups?: readonly number[];
  /** For an ephemeral container with a targetContainerName: the runtime's id of that container. */
  readonly targetContainerId?: string;
  readonly resources: ResourceFacts;
  readonly security: SecurityFacts;
};

/** Annotations that the kubelet finds its own state by after a restart (pkg/kubelet/kuberuntime/labels.go). */
export const containerAnnotations = {
  hash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  preStopHandler: 'io.kubernetes.container.preStopHandler',
  ports: 'io.kubernetes.container.ports',
  podDeletionGracePeriod: 'io.kubernetes.pod.deletionGracePeriod',
  podTerminationGracePeriod: 'io.kubernetes.pod.terminationGracePeriod',
} as const;

/** Relative to the sandbox's log directory. */
export function containerLogPath(container: string, attempt: number): string {
  return `${container}/${attempt}.log`;
}

/**
 * What CreateContainer is asked for; the same for every kind of container.
 * @throws PodConfigError
 */
export function containerConfig(input: ContainerConfigInput): ContainerConfig {
  const {pod, container, environment} = input;
  const {name, namespace, uid} = pod.metadata;
  const values = new Map(environment.map((variable) => [variable.name, variable.value]));
  const expanded = (words: readonly string[] = []): string[] =>
    words.map((word) => expand(word, (key) => values.get(key)));
  const security = containerSecurity({...input, facts: input.security});
  const userNamespace = security.namespaceOptions?.usernsOptions;
  return {
    metadata: {name: container.name, attempt: input.attempt},
    image: {image: input.imageRef, userSpecifiedImage: container.image ?? ''},
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir ?? '',
    envs: environment.map((variable) => ({
      key: variable.name,
      value: rawBytes(variable.value),
    })),
    mounts: input.mounts.map((mount) => ({
      ...mount,
      uidMappings: userNamespace?.uids ?? [],
      gidMappings: userNamespace?.gids ?? [],
    })),
    devices: [...(input.devices ?? [])],
    CDIDevices: (input.cdiDevices ?? []).map((device) => ({name: device})),
    labels: {
      [podLabels.name]: name,
      [podLabels.namespace]: namespace,
      [podLabels.uid]: uid,
      [podLabels.container]: container.name,
    },
    annotations: {...input.annotations, ...annotations(pod, container, input.attempt)},
    logPath: containerLogPath(container.name, input.attempt),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: {
        ...containerResources(
          pod,
          container,
          quotaFacts(input.resources, input.placement?.exclusive === true),
        ),
        cpusetCpus: input.placement?.cpus ?? '',
        cpusetMems: input.placement?.memoryNodes ?? '',
      },
      securityContext: security,
    },
  };
}

function annotations(pod: Pod, container: Container, attempt: number): Record<string, string> {
  const {lifecycle, ports = []} = container;
  const deletion = pod.metadata.deletionGracePeriodSeconds;
  const termination = pod.spec.terminationGracePeriodSeconds;
  const names = containerAnnotations;
  return {
    [names.hash]: containerHash(container),
    [names.restartCount]: String(attempt),
    [names.terminationMessagePath]: container.terminationMessagePath ?? '',
    [names.terminationMessagePolicy]: container.terminationMessagePolicy ?? '',
    ...(deletion === undefined ? {} : {[names.podDeletionGracePeriod]: String(deletion)}),
    ...(termination === undefined ? {} : {[names.podTerminationGracePeriod]: String(termination)}),
    ...(lifecycle?.preStop === undefined ? {} : {[names.preStopHandler]: JSON.stringify(lifecycle.preStop)}),
    ...(ports.length === 0 ? {} : {[names.ports]: JSON.stringify(ports)}),
  };
}
