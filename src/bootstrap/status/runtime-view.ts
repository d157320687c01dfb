import type {NodeOptions} from '../../config/join.ts';
import type {Cri} from '../../edges/cri/client.ts';
import {listPods, type RuntimeContainer, type RuntimePod, withCri} from '../../edges/cri/listing.ts';
import {criMessage} from '../../edges/cri/message.ts';
import {withDeadline} from '../../edges/deadline.ts';
import {lookAtRuntime} from '../../edges/runtime/runtime-sight.ts';
import {isNodectlError, NodectlError} from '../../lib/errors.ts';
import {readKubeletEndpoint} from './kubelet-endpoint.ts';
import {joinedBy} from './status.ts';

/**
 * Work with the runtime of this node.
 * @throws NodectlError ND731, ND501, ND507 or ND101 when it cannot be talked to, ND502 with its own words when it refuses
 */
export async function withRuntime<T>(options: NodeOptions, work: (cri: Cri) => Promise<T>): Promise<T> {
  const socket = await readKubeletEndpoint(options);
  const sight = await withDeadline(5000, new AbortController().signal, (signal) =>
    lookAtRuntime(socket, signal),
  );
  if (sight.kind === 'forbidden') throw new NodectlError('ND101', 'the container runtime is root’s');
  if (sight.kind === 'no-cri') throw new NodectlError('ND507', 'containerd runs without its CRI plugin');
  if (sight.kind !== 'answers' && (await joinedBy(options)) === 'no')
    throw new NodectlError(
      'ND731',
      'this machine has not joined a cluster, and no container runtime answers',
    );
  if (sight.kind !== 'answers') throw new NodectlError('ND501', `${socket}: ${sight.detail}`);
  try {
    return await withCri(socket, work);
  } catch (error) {
    if (isNodectlError(error)) throw error;
    throw new NodectlError('ND502', criMessage(error), {cause: error});
  }
}

export type Found = {readonly pod: RuntimePod; readonly container: RuntimeContainer | undefined};

/**
 * The pod (and container) that a person means by `name`, `namespace/name`, or the beginning of an ID.
 * @throws NodectlError ND904 when there is none, or several
 */
export async function findPod(
  cri: Cri,
  word: string,
  container: string | undefined,
  namespace: string | undefined,
): Promise<Found> {
  const pods = await listPods(cri);
  const [first = '', second] = word.split('/');
  const [inNamespace, name] = second === undefined ? [namespace, first] : [first, second];
  const named = pods.filter(
    (pod) => pod.name === name && (inNamespace === undefined || pod.namespace === inNamespace),
  );
  const places = [...new Set(named.map((pod) => pod.namespace))];
  if (places.length > 1)
    throw new NodectlError('ND904', `there is a pod ${name} in ${places.join(' and in ')}`, {
      next: [`nodectl … ${places[0]}/${name}`],
    });
  // A sandbox that was replaced may still be listed: the newest is the pod.
  const [pod] = named;
  if (pod !== undefined) return {pod, container: choose(pod, container)};
  const byId = /^[0-9a-f]{4,}$/.test(word) ? foundById(pods, word) : undefined;
  if (byId !== undefined) return byId;
  const near = [...new Set(pods.map((one) => one.name))].filter((one) => name !== '' && one.startsWith(name));
  const told = near.length === 0 ? '' : `; there is ${near.slice(0, 5).join(', ')}`;
  throw new NodectlError('ND904', `this node has no pod ${word}${told}`, {next: ['nodectl pods']});
}

function foundById(pods: readonly RuntimePod[], id: string): Found | undefined {
  for (const pod of pods) {
    if (pod.id.startsWith(id)) return {pod, container: choose(pod, undefined)};
    const container = pod.containers.find((one) => one.id.startsWith(id));
    if (container !== undefined) return {pod, container};
  }
  return undefined;
}

/** The named one, else the newest that runs, else the newest. */
function choose(pod: RuntimePod, name: string | undefined): RuntimeContainer | undefined {
  if (name === undefined) return pod.containers.find(({state}) => state === 'Running') ?? pod.containers[0];
  const container = pod.containers.find((one) => one.name === name);
  if (container !== undefined) return container;
  const names = [...new Set(pod.containers.map((one) => one.name))];
  throw new NodectlError('ND904', `pod ${pod.name} has no container ${name}; it has ${names.join(', ')}`);
}
