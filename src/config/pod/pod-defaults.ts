import type {Container, Pod, PodSpec, Volume} from '../../lib/kubernetes.ts';
import {defaultContainer, defaultPullPolicy, defaultRequests} from './container-defaults.ts';

const publicMode = 0o644;

/** Defaults of a PodSpec wherever it appears: pods and the templates of workloads. */
export function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  aliasServiceAccount(spec);
  if (spec.hostNetwork) hostPorts([...spec.containers, ...(spec.initContainers ?? [])]);
  for (const container of containersOf(spec)) defaultContainer(container);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

/** Defaults of a Pod itself, on top of its spec's. */
export function defaultPod(pod: Pod): void {
  defaultPodSpec(pod.spec);
  for (const container of containersOf(pod.spec)) defaultRequests(container);
  defaultPodLevelRequests(pod.spec);
  pod.spec.enableServiceLinks ??= true;
}

/** Every container of a spec; ephemeral ones have the same fields as far as defaults go. */
export function containersOf(spec: PodSpec): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

/** `serviceAccount` is the deprecated alias: both are always written. */
export function aliasServiceAccount(spec: PodSpec): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (!name) return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

/** On the host's network a container port is the host's port. */
function hostPorts(containers: readonly Container[]): void {
  for (const container of containers)
    for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
}

function defaultPodLevelRequests(spec: PodSpec): void {
  const limits = spec.resources?.limits;
  if (!spec.resources || !limits || Object.keys(limits).length === 0) return;
  spec.resources.requests = {...limits, ...spec.resources.requests};
}

function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= publicMode;
  if (volume.configMap) volume.configMap.defaultMode ??= publicMode;
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference ?? '');
  const template = volume.ephemeral?.volumeClaimTemplate;
  if (template) template.spec.volumeMode ??= 'Filesystem';
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= publicMode;
    for (const item of volume.downwardAPI.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= publicMode;
    for (const source of volume.projected.sources ?? []) {
      if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
      for (const item of source.downwardAPI?.items ?? [])
        if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
    }
  }
}
