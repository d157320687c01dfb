import type {StagedVolume, VolumeUser} from '../volume/on-disk.ts';

type Known = {
  readonly driver: string;
  /** Pods that want it or have it. */
  readonly users: Set<string>;
  /** The driver was asked to stage it, and not yet, or not with success, to unstage it. */
  staged: boolean;
};

/** The persistent CSI volumes on this node: who wants them or has them, and what is staged for all of them. */
export class Inventory {
  readonly #known = new Map<string, Known>();

  /** What an earlier kubelet has left. */
  inherit(staged: readonly StagedVolume[], users: readonly VolumeUser[]): void {
    for (const {uniqueName, driver} of staged) this.#entry(uniqueName, driver).staged = true;
    for (const {uniqueName, driver, uid} of users) this.#entry(uniqueName, driver).users.add(uid);
  }

  /** True when it is in use from now on. */
  use(uniqueName: string, driver: string, uid: string): boolean {
    const isNew = !this.#known.has(uniqueName);
    this.#entry(uniqueName, driver).users.add(uid);
    return isNew;
  }

  leave(uniqueName: string, uid: string): void {
    this.#known.get(uniqueName)?.users.delete(uid);
    this.#sweep(uniqueName);
  }

  setStaged(uniqueName: string, driver: string, staged: boolean): void {
    this.#entry(uniqueName, driver).staged = staged;
    this.#sweep(uniqueName);
  }

  isUsed(uniqueName: string): boolean {
    return (this.#known.get(uniqueName)?.users.size ?? 0) > 0;
  }

  /** v1.UniqueVolumeNames of the drivers that `counts` says yes to. */
  inUse(counts: (driver: string) => boolean): string[] {
    return [...this.#known].filter(([, {driver}]) => counts(driver)).map(([name]) => name);
  }

  #entry(uniqueName: string, driver: string): Known {
    const known = this.#known.get(uniqueName) ?? {driver, users: new Set<string>(), staged: false};
    this.#known.set(uniqueName, known);
    return known;
  }

  #sweep(uniqueName: string): void {
    const known = this.#known.get(uniqueName);
    if (known?.users.size === 0 && !known.staged) this.#known.delete(uniqueName);
  }
}
