import {mkdirSync, writeFileSync} from 'node:fs';
import type {MessageInitShape} from '@bufbuild/protobuf';
import {
  type ContainerConfigSchema,
  NamespaceMode,
  type PodSandboxConfigSchema,
  SecurityProfile_ProfileType,
} from '../../../src/edges/cri/gen/api_pb.ts';

/** Plain fields, not a message that was made of them. */
type Plain<T> = Exclude<T, {$typeName: string}>;
type SandboxConfig = Plain<MessageInitShape<typeof PodSandboxConfigSchema>>;
type ContainerConfig = Plain<MessageInitShape<typeof ContainerConfigSchema>>;

/** What goes over the names that every pod and container is asked for with. */
export type Requests = {readonly sandbox: SandboxConfig; readonly container: ContainerConfig};

/** No mount, no variable, no limit, no filter. */
export const barest: Requests = {sandbox: {}, container: {linux: {}}};

const service = ['HOST', 'PORT', 'PORT_HTTPS', 'PORT_443_TCP', 'PORT_443_TCP_PROTO', 'PORT_443_TCP_ADDR'];
const masked =
  'asound acpi interrupts kcore keys latency_stats timer_list timer_stats sched_debug scsi'.split(' ');
const readonlyPaths = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`);
const security = {namespaceOptions: {pid: NamespaceMode.CONTAINER}};
const resources = {cpuPeriod: 100_000n, cpuShares: 2n};

/**
 * The same as any kubelet must ask for the bench's pods: the sandbox's filter, the mounts, names, masked paths and
 * limits, which are the runtime's work. `inside(path)` is where the bench sees a path of the machine.
 */
export function asKubelet(inside: (path: string) => string): Requests {
  const root = '/run/bench-floor';
  mkdirSync(inside(`${root}/token`), {recursive: true});
  for (const name of ['hosts', 'end', 'token/token']) writeFileSync(inside(`${root}/${name}`), '');
  return {
    sandbox: {
      dnsConfig: {
        servers: ['10.96.0.10'],
        searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
        options: ['ndots:5'],
      },
      linux: {
        cgroupParent: '/nodectl-floor',
        // Of every sandbox (kuberuntime_sandbox.go): runc compiles the filter anew each time.
        securityContext: {...security, seccomp: {profileType: SecurityProfile_ProfileType.RuntimeDefault}},
        overhead: {},
        resources,
      },
    },
    container: {
      envs: ['KUBERNETES', 'HELLO'].flatMap((name) =>
        service.map((key) => ({key: `${name}_SERVICE_${key}`, value: Buffer.from('tcp://10.96.0.1:443')})),
      ),
      mounts: [
        {
          containerPath: '/var/run/secrets/kubernetes.io/serviceaccount',
          hostPath: `${root}/token`,
          readonly: true,
        },
        {containerPath: '/etc/hosts', hostPath: `${root}/hosts`},
        {containerPath: '/dev/termination-log', hostPath: `${root}/end`},
      ],
      linux: {
        resources: {...resources, oomScoreAdj: 1000n},
        securityContext: {
          ...security,
          maskedPaths: [...masked.map((name) => `/proc/${name}`), '/sys/firmware'],
          readonlyPaths,
          seccomp: {profileType: SecurityProfile_ProfileType.Unconfined},
        },
      },
    },
  };
}
