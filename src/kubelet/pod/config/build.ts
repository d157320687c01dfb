import {randomBytes} from 'node:crypto';
import {qosClass} from '../../../config/pod/qos.ts';
import {makeDirectory, readText} from '../../../edges/files/files.ts';
import {makeWritableFile, writeInPlace} from '../../../edges/files/pods/pod-files.ts';
import {describeError} from '../../../lib/errors.ts';
import type {ConfigMap, Container, Pod, Secret} from '../../../lib/kubernetes.ts';
import type {DeviceAdditions} from '../../devices/grants.ts';
import type {PodDeps} from '../deps.ts';
import type {PresentImage} from '../seen.ts';
import {PodConfigError} from './config-error.ts';
import {type ContainerConfig, type ContainerMount, containerConfig} from './container-config.ts';
import {type DnsWarning, podDns} from './dns.ts';
import {
  buildEnvironment,
  type EnvironmentVariable,
  environmentFiles,
  environmentReferences,
} from './environment/environment.ts';
import {hostsFile, podHostname} from './hosts.ts';
import {podPaths} from './pod-paths.ts';
import {cgroupParent, podCgroupPath} from './resources/cgroup-names.ts';
import {type SandboxConfig, sandboxConfig} from './sandbox-config.ts';
import type {SecurityFacts} from './security/security.ts';

/** `warnings` are for the pod's events. */
export type SandboxBuild = {readonly config: SandboxConfig; readonly warnings: readonly DnsWarning[]};

/** Makes what the runtime is asked for: gathers the facts, and leaves the words to pure builders. */
export async function buildSandbox(deps: PodDeps, pod: Pod, attempt: number): Promise<SandboxBuild> {
  const {config, facts} = deps;
  const hostname = podHostname(pod, config.clusterDomain);
  const dns = podDns({
    pod,
    resolvConf: config.resolvConf === '' ? undefined : ((await readText(config.resolvConf)) ?? ''),
    clusterDns: config.clusterDNS,
    clusterDomain: config.clusterDomain,
    nodeIps: facts.hostIps(),
  });
  const built = sandboxConfig({
    pod,
    attempt,
    hostname,
    dns: dns.config,
    podLogDir: config.podLogsDir,
    cgroupParent: cgroupParent(config.cgroupDriver, cgroupOf(deps, pod)),
    resources: facts.resources,
    security: await securityFacts(deps, pod),
  });
  return {config: built, warnings: dns.warnings};
}

export function cgroupOf({config}: PodDeps, pod: Pod): string {
  return podCgroupPath(config.cgroupDriver, config.cgroupRoot, qosClass(pod.spec), pod.metadata.uid);
}

export type ContainerBuild = {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly image: PresentImage;
  readonly podIps: readonly string[];
  readonly targetContainerId: string | undefined;
};

/** @throws PodConfigError for what the pod itself has wrong */
export async function buildContainer(deps: PodDeps, build: ContainerBuild): Promise<ContainerConfig> {
  const {pod, container, targetContainerId} = build;
  const environment = await environmentOf(deps, build);
  const added = await devicesOf(deps, pod, container);
  const mounts = [
    ...(added?.mounts ?? []),
    ...(await deps.volumes.mounts(pod, container, environment)),
    ...(await etcHosts(deps, build)),
    ...(await terminationLog(deps, pod, container)),
  ];
  return containerConfig({
    pod,
    container,
    attempt: build.attempt,
    imageRef: build.image.ref,
    imageUser: build.image.user,
    environment: withVariables(added?.environment ?? [], environment),
    mounts,
    devices: [...(added?.devices ?? []), ...deps.volumes.devices(pod, container)],
    cdiDevices: [...claimed(deps, pod, container), ...(added?.cdiDevices ?? [])],
    annotations: added?.annotations ?? {},
    placement: deps.managers?.placement(pod, container),
    volumeGroups: deps.volumes.groups(pod.metadata.uid),
    ...(targetContainerId === undefined ? {} : {targetContainerId}),
    resources: deps.facts.resources,
    security: await securityFacts(deps, pod),
  });
}

/** With ids of its own for a pod that shall not have the machine's; the same at each start of it. */
async function securityFacts(
  {facts, runtimeClasses, userNamespaces, hasUserNamespaces}: PodDeps,
  {metadata, spec}: Pod,
): Promise<SecurityFacts> {
  if (spec.hostUsers !== false) return facts.security;
  const handler = (await runtimeClasses.handler(spec.runtimeClassName)) ?? '';
  if (hasUserNamespaces(handler))
    return {...facts.security, userNamespace: await userNamespaces.of(metadata.uid)};
  const who = handler === '' ? 'runtime' : `RuntimeClass handler "${handler}"`;
  throw new PodConfigError(`can't set \`spec.hostUsers: false\`, ${who} does not support user namespaces`);
}

async function devicesOf(
  {managers}: PodDeps,
  pod: Pod,
  container: Container,
): Promise<DeviceAdditions | undefined> {
  try {
    return await managers?.additions(pod, container);
  } catch (error) {
    throw new PodConfigError(describeError(error));
  }
}

function claimed({dynamicResources}: PodDeps, pod: Pod, container: Container): string[] {
  try {
    return dynamicResources?.cdiDevices(pod, container) ?? [];
  } catch (error) {
    throw new PodConfigError(describeError(error));
  }
}

/** What the pod says itself goes over what its devices want. */
function withVariables(
  added: readonly EnvironmentVariable[],
  own: readonly EnvironmentVariable[],
): readonly EnvironmentVariable[] {
  const names = new Set(own.map(({name}) => name));
  return [...added.filter(({name}) => !names.has(name)), ...own];
}

async function environmentOf(
  {objects, services, facts, volumes}: PodDeps,
  {pod, container, podIps}: ContainerBuild,
): Promise<readonly EnvironmentVariable[]> {
  const {uid, namespace} = pod.metadata;
  const names = environmentReferences(container);
  const configMaps = new Map<string, ConfigMap | undefined>();
  const secrets = new Map<string, Secret | undefined>();
  const files = new Map<string, string | Error | undefined>();
  await Promise.all([
    ...names.configMaps.map(async (name) => {
      configMaps.set(name, await objects.configMap(uid, namespace, name));
    }),
    ...names.secrets.map(async (name) => {
      secrets.set(name, await objects.secret(uid, namespace, name));
    }),
    ...environmentFiles(container).map(async ({key, volume, path}) => {
      files.set(key, await volumes.file(uid, volume, path).catch((error: unknown) => Error(String(error))));
    }),
  ]);
  const result = buildEnvironment({
    pod,
    container,
    services: services.hasSynced() ? services.services() : undefined,
    configMaps,
    secrets,
    files,
    facts: {podIps, hostIps: facts.hostIps(), nodeAllocatable: facts.allocatable()},
  });
  if (!result.ok) throw new PodConfigError(result.message);
  return result.variables;
}

const hostsPath = '/etc/hosts';

/** The managed /etc/hosts, unless the container mounts one of its own there. */
async function etcHosts(
  {config}: PodDeps,
  {pod, container, podIps}: ContainerBuild,
): Promise<ContainerMount[]> {
  const own = container.volumeMounts?.some(({mountPath}) => mountPath.replace(/\/+$/, '') === hostsPath);
  if (own || podIps.length === 0) return [];
  const nodeHosts = pod.spec.hostNetwork ? ((await readText(hostsPath)) ?? '') : '';
  const content = hostsFile(pod, podIps, podHostname(pod, config.clusterDomain), nodeHosts);
  const path = podPaths(config, pod).etcHosts;
  await writeInPlace(path, content, 0o644);
  return [{containerPath: hostsPath, hostPath: path, readonly: false, selinuxRelabel: true}];
}

async function terminationLog({config}: PodDeps, pod: Pod, container: Container): Promise<ContainerMount[]> {
  const containerPath = container.terminationMessagePath ?? '';
  if (containerPath === '') return [];
  const directory = `${podPaths(config, pod).lastWords}/${container.name}`;
  await makeDirectory(directory, 0o750);
  const hostPath = `${directory}/${randomBytes(4).toString('hex')}`;
  await makeWritableFile(hostPath);
  return [{containerPath, hostPath, readonly: false, selinuxRelabel: true}];
}
