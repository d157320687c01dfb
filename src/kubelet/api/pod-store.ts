import type {Pod} from '../../lib/kubernetes.ts';

export type KnownPod = {readonly pod: Pod; readonly isStatic: boolean};

/** The pods that this node shall have, by UID, whatever source they come from. */
export class PodStore {
  readonly #pods = new Map<string, KnownPod>();

  put(pod: Pod, isStatic: boolean): void {
    this.#pods.set(pod.metadata.uid, {pod, isStatic});
  }

  remove(uid: string): void {
    this.#pods.delete(uid);
  }

  get(uid: string): KnownPod | undefined {
    return this.#pods.get(uid);
  }

  all(): KnownPod[] {
    return [...this.#pods.values()];
  }

  /** Of several pods that had the same name one after the other, the newest. */
  find(namespace: string, name: string, uid?: string): KnownPod | undefined {
    const found = this.all().filter(
      ({pod: {metadata}}) =>
        metadata.namespace === namespace &&
        metadata.name === name &&
        (uid === undefined || uid === '' || metadata.uid === uid),
    );
    return found.sort((a, b) => created(b.pod) - created(a.pod))[0];
  }
}

function created({metadata}: Pod): number {
  return Date.parse(metadata.creationTimestamp ?? '') || 0;
}
