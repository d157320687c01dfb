import type {MessageInitShape} from '@bufbuild/protobuf';
import {type PodSandboxConfigSchema, Protocol} from '../../../edges/cri/gen/api_pb.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import {dottedSysctl} from '../../../lib/sysctls.ts';
import type {DnsConfig} from './dns.ts';
import {kernelHostname, type PodHostname} from './hosts.ts';
import {type ResourceFacts, sandboxResources} from './resources/resources.ts';
import {type SecurityFacts, sandboxSecurity} from './security/security.ts';

export type SandboxConfig = MessageInitShape<typeof PodSandboxConfigSchema>;

export type SandboxConfigInput = {
  readonly pod: Pod;
  readonly attempt: number;
  readonly hostname: PodHostname;
  readonly dns: DnsConfig;
  /** podLogsDir of the configuration. */
  readonly podLogDir: string;
  /** As the cgroup driver writes it; '' leaves it to the runtime. */
  readonly cgroupParent: string;
  readonly resources: ResourceFacts;
  readonly security: SecurityFacts;
};

/** The labels by which the runtime's sandboxes and containers are told apart (pkg/kubelet/types/labels.go). */
export const podLabels = {
  name: 'io.kubernetes.pod.name',
  namespace: 'io.kubernetes.pod.namespace',
  uid: 'io.kubernetes.pod.uid',
  container: 'io.kubernetes.container.name',
} as const;

/** `<podLogsDir>/<namespace>_<name>_<uid>` */
export function podLogDirectory(podLogDir: string, {metadata}: Pod): string {
  return `${podLogDir}/${metadata.namespace}_${metadata.name}_${metadata.uid}`;
}

/**
 * What RunPodSandbox is asked for.
 * @throws PodConfigError
 */
export function sandboxConfig(input: SandboxConfigInput): SandboxConfig {
  const {pod} = input;
  const {name, namespace, uid} = pod.metadata;
  const hostNetwork = pod.spec.hostNetwork === true;
  return {
    metadata: {name, namespace, uid, attempt: input.attempt},
    hostname: hostNetwork ? '' : kernelHostname(pod, input.hostname),
    logDirectory: podLogDirectory(input.podLogDir, pod),
    dnsConfig: {
      servers: [...input.dns.servers],
      searches: [...input.dns.searches],
      options: [...input.dns.options],
    },
    portMappings: portMappings(pod),
    labels: {
      ...pod.metadata.labels,
      [podLabels.name]: name,
      [podLabels.namespace]: namespace,
      [podLabels.uid]: uid,
    },
    annotations: {...pod.metadata.annotations},
    linux: {
      cgroupParent: input.cgroupParent,
      sysctls: Object.fromEntries(
        (pod.spec.securityContext?.sysctls ?? []).map((sysctl) => [dottedSysctl(sysctl.name), sysctl.value]),
      ),
      securityContext: sandboxSecurity(pod, input.security),
      ...sandboxResources(pod, input.resources),
    },
  };
}

const protocols = new Map([
  ['TCP', Protocol.TCP],
  ['UDP', Protocol.UDP],
  ['SCTP', Protocol.SCTP],
]);

/** Ports of regular containers (kuberuntime_sandbox.go); host ports are the CNI portmap plugin's work. */
function portMappings({spec}: Pod): SandboxConfig['portMappings'] {
  return spec.containers.flatMap(({ports = []}) =>
    distinct(ports).map(({hostIP = '', hostPort = 0, containerPort, protocol = 'TCP'}) => ({
      hostIp: hostIP,
      hostPort,
      containerPort,
      protocol: protocols.get(protocol) ?? Protocol.TCP,
    })),
  );
}

type Port = NonNullable<Container['ports']>[number];

/** A container's port counts once under its name, or without one as what it is (container/helpers.go, MakePortMappings). */
function distinct(ports: readonly Port[]): Port[] {
  const byName = new Map<string, Port>();
  for (const port of ports) {
    const {name, protocol = 'TCP', hostIP = '', hostPort = 0, containerPort} = port;
    const key = name || JSON.stringify([protocol, hostIP, containerPort, hostPort]);
    if (!byName.has(key)) byName.set(key, port);
  }
  return [...byName.values()];
}
