import {readText} from '../../edges/files.ts';
import {ensureDirectory, ensureFile, writeFileMode} from '../../edges/trees.ts';
import type {Container, Pod} from '../../lib/kubernetes.ts';
import type {ContainerMount} from '../pod/container-config.ts';
import {hostsFile, type PodHostname} from '../pod/hosts.ts';
import {podDirectory} from './volumes.ts';

export type HostsInput = {
  readonly pod: Pod;
  readonly container: Container;
  readonly rootDir: string;
  readonly podIps: readonly string[];
  readonly hostname: PodHostname;
};

/**
 * Writes the pod's /etc/hosts and mounts it, unless the container mounts something there itself or the pod has no
 * address yet.
 */
export async function hostsMount(input: HostsInput): Promise<ContainerMount[]> {
  const {pod, container, podIps} = input;
  const hostNetwork = pod.spec.hostNetwork === true;
  const taken = container.volumeMounts?.some(({mountPath}) => mountPath === '/etc/hosts') === true;
  if (taken || (podIps.length === 0 && !hostNetwork)) return [];
  const path = `${podDirectory(input.rootDir, pod.metadata.uid)}/etc-hosts`;
  const nodeHosts = hostNetwork ? ((await readText('/etc/hosts')) ?? '') : '';
  await writeFileMode(path, hostsFile(pod, podIps, input.hostname, nodeHosts), 0o644);
  return [{containerPath: '/etc/hosts', hostPath: path}];
}

/** A new file of each run for the container's last words; everybody in the container may write it. */
export async function terminationLogMount(
  pod: Pod,
  container: Container,
  rootDir: string,
): Promise<ContainerMount[]> {
  const inside = container.terminationMessagePath ?? '';
  if (inside === '') return [];
  const directory = `${podDirectory(rootDir, pod.metadata.uid)}/containers/${container.name}`;
  await ensureDirectory(directory, 0o750);
  const id = Math.floor(Math.random() * 2 ** 32);
  const path = `${directory}/${id.toString(16).padStart(8, '0')}`;
  await ensureFile(path, 0o666);
  return [{containerPath: inside.startsWith('/') ? inside : `/${inside}`, hostPath: path}];
}
