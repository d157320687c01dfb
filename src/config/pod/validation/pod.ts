import type {ObjectMeta, PodSpec, Volume} from '../../../lib/kubernetes.ts';
import {type ContainerContext, checkContainer, checkResources} from './container.ts';
import {checkLabels} from './labels.ts';
import {dnsLabel, dnsSubdomain} from './names.ts';
import type {Problems} from './problems.ts';

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** core/validation.ValidatePodSpec, as far as the sandbox reads the fields. */
export function checkPodSpec(problems: Problems, spec: PodSpec, field = 'spec'): void {
  const volumes = checkVolumes(problems, spec.volumes ?? [], `${field}.volumes`);
  const context: ContainerContext = {
    problems,
    volumes,
    hostNetwork: spec.hostNetwork === true,
    names: new Set(),
  };
  if (spec.containers.length === 0) problems.required(`${field}.containers`);
  for (const [at, container] of spec.containers.entries())
    checkContainer(context, container, `${field}.containers[${at}]`, false);
  for (const [at, container] of (spec.initContainers ?? []).entries())
    checkContainer(context, container, `${field}.initContainers[${at}]`, true);
  checkHostPorts(problems, spec, field);
  checkPolicies(problems, spec, field);
  checkIdentity(problems, spec, field);
  checkTolerations(problems, spec, field);
  checkResources(problems, spec.resources, `${field}.resources`);
}

function checkPolicies(problems: Problems, spec: PodSpec, field: string): void {
  problems.oneOf(`${field}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  problems.oneOf(`${field}.dnsPolicy`, spec.dnsPolicy, [
    'ClusterFirstWithHostNet',
    'ClusterFirst',
    'Default',
    'None',
  ]);
  if (spec.dnsPolicy === 'None' && (spec.dnsConfig?.nameservers ?? []).length === 0)
    problems.required(
      `${field}.dnsConfig.nameservers`,
      'must provide at least one DNS nameserver when `dnsPolicy` is None',
    );
  const servers = spec.dnsConfig?.nameservers ?? [];
  if (servers.length > 3)
    problems.invalid(`${field}.dnsConfig.nameservers`, servers, 'must not have more than 3 nameservers');
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 2_147_483_647))
    problems.invalid(
      `${field}.activeDeadlineSeconds`,
      deadline,
      'must be between 1 and 2147483647, inclusive',
    );
  const grace = spec.terminationGracePeriodSeconds;
  if (grace !== undefined && grace < 0)
    problems.invalid(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than or equal to 0');
  if (spec.hostPID && spec.shareProcessNamespace)
    problems.invalid(
      `${field}.shareProcessNamespace`,
      true,
      'ShareProcessNamespace and HostPID cannot both be enabled',
    );
}

function checkIdentity(problems: Problems, spec: PodSpec, field: string): void {
  for (const key of ['hostname', 'subdomain'] as const)
    if (spec[key])
      for (const problem of dnsLabel(spec[key])) problems.invalid(`${field}.${key}`, spec[key], problem);
  for (const key of ['serviceAccountName', 'nodeName', 'priorityClassName'] as const)
    if (spec[key])
      for (const problem of dnsSubdomain(spec[key])) problems.invalid(`${field}.${key}`, spec[key], problem);
  checkLabels(problems, spec.nodeSelector, `${field}.nodeSelector`);
  const sysctls = new Set<string>();
  for (const [at, sysctl] of (spec.securityContext?.sysctls ?? []).entries()) {
    if (sysctls.has(sysctl.name))
      problems.duplicate(`${field}.securityContext.sysctls[${at}].name`, sysctl.name);
    sysctls.add(sysctl.name);
  }
}

function checkTolerations(problems: Problems, spec: PodSpec, field: string): void {
  for (const [at, toleration] of (spec.tolerations ?? []).entries()) {
    const path = `${field}.tolerations[${at}]`;
    const operator = toleration.operator || 'Equal';
    if (!toleration.key && operator !== 'Exists')
      problems.invalid(
        `${path}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      );
    if (operator === 'Exists' && toleration.value)
      problems.invalid(`${path}.operator`, toleration, "value must be empty when `operator` is 'Exists'");
    if (toleration.tolerationSeconds !== undefined && toleration.effect !== 'NoExecute')
      problems.invalid(
        `${path}.effect`,
        toleration.effect ?? '',
        "effect must be 'NoExecute' when `tolerationSeconds` is set",
      );
    problems.oneOf(`${path}.operator`, toleration.operator || undefined, ['Equal', 'Exists', 'Lt', 'Gt']);
    problems.oneOf(`${path}.effect`, toleration.effect || undefined, effects);
  }
}

function checkHostPorts(problems: Problems, spec: PodSpec, field: string): void {
  const taken = new Set<string>();
  for (const [at, container] of spec.containers.entries())
    for (const [index, port] of (container.ports ?? []).entries()) {
      if (!port.hostPort) continue;
      const key = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (taken.has(key)) problems.duplicate(`${field}.containers[${at}].ports[${index}].hostPort`, key);
      taken.add(key);
    }
}

function checkVolumes(problems: Problems, volumes: readonly Volume[], field: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [at, volume] of volumes.entries()) {
    const path = `${field}[${at}]`;
    if (!volume.name) problems.required(`${path}.name`);
    else for (const problem of dnsLabel(volume.name)) problems.invalid(`${path}.name`, volume.name, problem);
    if (names.has(volume.name)) problems.duplicate(`${path}.name`, volume.name);
    names.add(volume.name);
    const sources = Object.entries(volume).filter(([key, source]) => key !== 'name' && source !== undefined);
    for (const [kind] of sources.slice(1))
      problems.forbidden(`${path}.${kind}`, 'may not specify more than 1 volume type');
    checkVolumeSource(problems, volume, path);
  }
  return names;
}

function checkVolumeSource(problems: Problems, volume: Volume, path: string): void {
  if (volume.hostPath) {
    if (!volume.hostPath.path) problems.required(`${path}.hostPath.path`);
    else if (volume.hostPath.path.split('/').includes('..'))
      problems.invalid(`${path}.hostPath.path`, volume.hostPath.path, "must not contain '..'");
    problems.oneOf(`${path}.hostPath.type`, volume.hostPath.type, hostPathTypes);
  }
  if (volume.secret && !volume.secret.secretName) problems.required(`${path}.secret.secretName`);
  if (volume.configMap && !volume.configMap.name) problems.required(`${path}.configMap.name`);
  if (volume.persistentVolumeClaim && !volume.persistentVolumeClaim.claimName)
    problems.required(`${path}.persistentVolumeClaim.claimName`);
  for (const [at, source] of (volume.projected?.sources ?? []).entries())
    if (source.serviceAccountToken && !source.serviceAccountToken.path)
      problems.required(`${path}.projected.sources[${at}].serviceAccountToken.path`);
}

/** A PodTemplateSpec: its labels must be what the workload selects. */
export function checkTemplateLabels(
  problems: Problems,
  metadata: ObjectMeta | undefined,
  field: string,
): void {
  checkLabels(problems, metadata?.labels, `${field}.metadata.labels`);
}
