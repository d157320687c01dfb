import {NamespaceMode} from '../../../../edges/cri/gen/api_pb.ts';
import {listDirectory, readText, removeFile, writeAtomic} from '../../../../edges/files/files.ts';
import {PodConfigError} from '../config-error.ts';
import type {UserNamespaceMapping} from './security.ts';

/** Ids of the machine that pods may have as theirs. */
export type IdRange = {readonly first: number; readonly count: number};

export type UserNamespacesOptions = {
  /** `<kubelet root>/pods` */
  readonly podsDir: string;
  readonly idsPerPod: number;
  /** Undefined: all but the first ones, which are the machine's own. */
  readonly range: IdRange | undefined;
  readonly maxPods: number;
};

const allIds = 2 ** 32;

/**
 * Gives each pod with `hostUsers: false` ids of the machine that no other pod has, and remembers them in the pod's
 * directory: containers that run must find theirs again (pkg/kubelet/userns). The files are the Go kubelet's.
 */
export class UserNamespaces {
  readonly #podsDir: string;
  readonly #length: number;
  readonly #range: IdRange;
  readonly #taken = new Map<string, {readonly hostId: number; readonly saved: Promise<void>}>();

  /** @throws Error when the range is none that pods could have */
  private constructor({podsDir, idsPerPod, range, maxPods}: UserNamespacesOptions) {
    this.#podsDir = podsDir;
    this.#length = idsPerPod;
    this.#range = range ?? {first: idsPerPod, count: allIds - idsPerPod};
    const {first, count} = this.#range;
    const problem =
      first % idsPerPod !== 0 || first < idsPerPod
        ? `the first id ${first} must be a multiple of ${idsPerPod}, and not 0`
        : count % idsPerPod !== 0
          ? `the number of ids ${count} must be a multiple of ${idsPerPod}`
          : count / idsPerPod < maxPods
            ? `${count} ids are not enough for ${maxPods} pods`
            : undefined;
    if (problem !== undefined) throw new Error(`user namespaces: ${problem}`);
  }

  /** @throws Error also when what is remembered of a pod cannot be read: its ids must not be given to another */
  static async open(options: UserNamespacesOptions): Promise<UserNamespaces> {
    const namespaces = new UserNamespaces(options);
    for (const uid of await listDirectory(options.podsDir)) {
      const text = await readText(namespaces.#fileOf(uid));
      if (!text) continue;
      const hostId = namespaces.#parse(uid, text);
      namespaces.#taken.set(uid, {hostId, saved: Promise.resolve()});
    }
    return namespaces;
  }

  async of(uid: string): Promise<UserNamespaceMapping> {
    const {hostId, saved} = this.#taken.get(uid) ?? this.#take(uid);
    await saved;
    const mapping = {hostId, containerId: 0, length: this.#length};
    return {mode: NamespaceMode.POD, uids: [mapping], gids: [mapping]};
  }

  /** Nothing of the pod runs any more. */
  async release(uid: string): Promise<void> {
    if (!this.#taken.has(uid)) return;
    await removeFile(this.#fileOf(uid));
    this.#taken.delete(uid);
  }

  /** Nothing is awaited before the ids count as taken. */
  #take(uid: string) {
    const hostId = this.#free();
    const mappings = [{hostId, containerId: 0, length: this.#length}];
    const text = JSON.stringify({uidMappings: mappings, gidMappings: mappings});
    const saved = writeAtomic(this.#fileOf(uid), text).catch((error: unknown) => {
      this.#taken.delete(uid);
      throw error;
    });
    const taken = {hostId, saved};
    this.#taken.set(uid, taken);
    return taken;
  }

  #free(): number {
    const used = this.#used();
    const {first, count} = this.#range;
    for (let id = first; id < first + count; id += this.#length) if (!used.has(id)) return id;
    throw new PodConfigError('could not find an empty slot to allocate a user namespace');
  }

  #used(): ReadonlySet<number> {
    return new Set([...this.#taken.values()].map(({hostId}) => hostId));
  }

  #fileOf(uid: string): string {
    return `${this.#podsDir}/${uid}/userns`;
  }

  /** One mapping of the right length, the same for users and groups, with root in it, that no other pod has. */
  #parse(uid: string, text: string): number {
    const file: unknown = JSON.parse(text);
    const uids = mappingOf(file, 'uidMappings');
    const gids = mappingOf(file, 'gidMappings');
    const {hostId, length} = uids ?? {hostId: 0, length: 0};
    const {first, count} = this.#range;
    const fits =
      JSON.stringify(uids) === JSON.stringify(gids) &&
      length === this.#length &&
      hostId % this.#length === 0 &&
      hostId >= first &&
      hostId < first + count &&
      !this.#used().has(hostId);
    if (fits) return hostId;
    throw new Error(`user namespaces: ${this.#fileOf(uid)} holds no ids that pod ${uid} may have`);
  }
}

type Mapping = {readonly hostId: number; readonly containerId: number; readonly length: number};

function mappingOf(file: unknown, key: 'uidMappings' | 'gidMappings'): Mapping | undefined {
  if (typeof file !== 'object' || file === null || !(key in file)) return undefined;
  const list: unknown = Object.entries(file).find(([name]) => name === key)?.[1];
  if (!Array.isArray(list) || list.length !== 1) return undefined;
  const [one]: unknown[] = list;
  if (typeof one !== 'object' || one === null) return undefined;
  const {hostId, containerId, length} = {hostId: -1, containerId: -1, length: -1, ...one};
  return containerId === 0 ? {hostId, containerId, length} : undefined;
}

/** The answer of `getsubids`: one line, `0: kubelet 65536 2147483648`. @throws Error for anything else */
export function parseSubIds(text: string): IdRange {
  const [, first = '', count = ''] = /^\S+\s+\S+\s+(\d+)\s+(\d+)\s*$/.exec(text) ?? [];
  const range = {first: Number(first), count: Number(count)};
  if (first === '' || range.first >= allIds || range.count >= allIds || text.trim().includes('\n'))
    throw new Error(`user namespaces: getsubids answers ${JSON.stringify(text)}`);
  return range;
}
