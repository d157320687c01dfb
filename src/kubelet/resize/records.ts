import * as z from 'zod/mini';
import {listDirectory, makeDirectory, readText, writeVolatile} from '../../edges/files/files.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {isResizable, type ResourceRecord} from './allocation.ts';
import {kubernetesRecords} from './kubernetes-state.ts';

const list = z.optional(z.record(z.string(), z.string()));
const resources = z.looseObject({requests: list, limits: list});
const allocation = z.object({
  pod: z.optional(resources),
  containers: z.record(z.string(), resources),
});
const schema = z.object({allocated: allocation, actuated: allocation});

/**
 * What each pod was given, kept in the pod's own directory: a restart of the kubelet neither forgets a resize that it
 * has agreed to, nor takes a mere wish for one. The file goes with the directory.
 */
export class ResourceRecords {
  readonly #rootDir: string;
  readonly #known: Map<string, ResourceRecord>;

  private constructor(rootDir: string, known: Map<string, ResourceRecord>) {
    this.#rootDir = rootDir;
    this.#known = known;
  }

  /** With what an earlier kubelet has left; a damaged file is as good as none. */
  static async open(rootDir: string, log: Logger): Promise<ResourceRecords> {
    // Own notes count for more than those of the kubelet before this one.
    const known = await kubernetesRecords(rootDir, log);
    for (const uid of await listDirectory(`${rootDir}/pods`)) {
      const text = await readText(fileOf(rootDir, uid));
      if (text === undefined) continue;
      try {
        known.set(uid, schema.parse(JSON.parse(text)));
      } catch (error) {
        log.warn('what a pod was given is not known any more', {uid, error: describeError(error)});
      }
    }
    return new ResourceRecords(rootDir, known);
  }

  get(uid: string): ResourceRecord | undefined {
    return this.#known.get(uid);
  }

  async set(pod: Pod, record: ResourceRecord): Promise<void> {
    const {uid} = pod.metadata;
    this.#known.set(uid, record);
    if (!isResizable(pod)) return;
    await makeDirectory(`${this.#rootDir}/pods/${uid}`, 0o750);
    await writeVolatile(fileOf(this.#rootDir, uid), JSON.stringify(record));
  }

  forget(uid: string): void {
    this.#known.delete(uid);
  }
}

function fileOf(rootDir: string, uid: string): string {
  return `${rootDir}/pods/${uid}/resources.json`;
}
