import {type Cri, connectCri} from './client.ts';
import {ContainerState, PodSandboxState} from './gen/api_pb.ts';
import {sandboxImage} from './sandbox-image.ts';

/** A container as the runtime knows it, with Kubernetes' names. */
export type RuntimeContainer = {
  readonly id: string;
  readonly podId: string;
  readonly namespace: string;
  readonly pod: string;
  readonly name: string;
  readonly state: 'Created' | 'Running' | 'Exited' | 'Unknown';
  readonly restarts: number;
  readonly createdMs: number;
  readonly image: string;
};

export type RuntimePod = {
  readonly id: string;
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly ready: boolean;
  readonly createdMs: number;
  readonly ip: string;
  readonly containers: readonly RuntimeContainer[];
};

export type RuntimeImage = {
  readonly id: string;
  readonly names: readonly string[];
  readonly bytes: number;
  readonly pinned: boolean;
  /** By how many containers, ended ones included. */
  readonly users: number;
};

const options = {timeoutMs: 10_000};

export async function withCri<T>(socket: string, work: (cri: Cri) => Promise<T>): Promise<T> {
  const cri = connectCri(socket);
  try {
    return await work(cri);
  } finally {
    cri.close();
  }
}

const states: Readonly<Record<number, RuntimeContainer['state']>> = {
  [ContainerState.CONTAINER_CREATED]: 'Created',
  [ContainerState.CONTAINER_RUNNING]: 'Running',
  [ContainerState.CONTAINER_EXITED]: 'Exited',
};

/** Newest pods first, of each its containers newest first. */
export async function listPods(cri: Cri): Promise<RuntimePod[]> {
  const [{items}, {containers}, {images}] = await Promise.all([
    cri.runtime.listPodSandbox({}, options),
    cri.runtime.listContainers({}, options),
    cri.images.listImages({}, options),
  ]);
  const names = new Map(
    images.map(({id, repoTags, repoDigests}) => [id, repoTags[0] ?? repoDigests[0] ?? id]),
  );
  const own = containers.map(
    ({
      id,
      podSandboxId,
      labels,
      annotations,
      metadata,
      state,
      createdAt,
      image,
      imageRef,
    }): RuntimeContainer => ({
      id,
      podId: podSandboxId,
      namespace: labels['io.kubernetes.pod.namespace'] ?? '',
      pod: labels['io.kubernetes.pod.name'] ?? '',
      name: metadata?.name ?? '',
      state: states[state] ?? 'Unknown',
      restarts: Number(annotations['io.kubernetes.container.restartCount'] ?? metadata?.attempt ?? 0),
      createdMs: Number(createdAt / 1_000_000n),
      image: image?.userSpecifiedImage || (names.get(imageRef) ?? image?.image ?? imageRef),
    }),
  );
  const pods = await Promise.all(
    items.map(
      async ({id, metadata, state, createdAt}): Promise<RuntimePod> => ({
        id,
        uid: metadata?.uid ?? '',
        namespace: metadata?.namespace ?? '',
        name: metadata?.name ?? '',
        ready: state === PodSandboxState.SANDBOX_READY,
        createdMs: Number(createdAt / 1_000_000n),
        ip: await addressOf(cri, id),
        containers: own.filter(({podId}) => podId === id).sort(newestFirst),
      }),
    ),
  );
  return pods.sort(newestFirst);
}

async function addressOf(cri: Cri, podSandboxId: string): Promise<string> {
  // It may be gone meanwhile.
  const answer = await cri.runtime.podSandboxStatus({podSandboxId}, options).catch(() => undefined);
  return answer?.status?.network?.ip ?? '';
}

export async function listImages(cri: Cri): Promise<RuntimeImage[]> {
  const [{images}, {containers}, pause] = await Promise.all([
    cri.images.listImages({}, options),
    cri.runtime.listContainers({}, options),
    sandboxImage(cri, options),
  ]);
  return images
    .map(
      ({id, repoTags, repoDigests, size, pinned}): RuntimeImage => ({
        id,
        names: repoTags.length > 0 ? repoTags : repoDigests,
        bytes: Number(size),
        // Of every pod there is a container that the runtime does not list.
        pinned: pinned || repoTags.includes(pause),
        users: containers.filter(({imageRef, imageId}) => imageRef === id || imageId === id).length,
      }),
    )
    .sort((a, b) => ((a.names[0] ?? '') < (b.names[0] ?? '') ? -1 : 1));
}

function newestFirst(a: {readonly createdMs: number}, b: {readonly createdMs: number}): number {
  return b.createdMs - a.createdMs;
}
