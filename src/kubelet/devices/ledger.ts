import {type DeviceUse, idsOf} from './types.ts';

/** Which container has which devices. */
export class Ledger {
  readonly #uses: readonly DeviceUse[];

  constructor(uses: readonly DeviceUse[] = []) {
    this.#uses = uses;
  }

  all(): readonly DeviceUse[] {
    return this.#uses;
  }

  find(uid: string, container: string, resource: string): DeviceUse | undefined {
    return this.of(uid, container).find((use) => use.resource === resource);
  }

  of(uid: string, container?: string): DeviceUse[] {
    return this.#uses.filter(
      (use) => use.uid === uid && (container === undefined || use.container === container),
    );
  }

  with(use: DeviceUse): Ledger {
    const {uid, container, resource} = use;
    const others = this.#uses.filter(
      (other) => other.uid !== uid || other.container !== container || other.resource !== resource,
    );
    return new Ledger([...others, use]);
  }

  /** Without the pods that are over; the same one where there is none. */
  keep(uids: ReadonlySet<string>): Ledger {
    const kept = this.#uses.filter(({uid}) => uids.has(uid));
    return kept.length === this.#uses.length ? this : new Ledger(kept);
  }

  /** Devices of a resource that some container has. */
  taken(resource: string): ReadonlySet<string> {
    return new Set(this.#uses.filter((use) => use.resource === resource).flatMap((use) => [...idsOf(use)]));
  }

  usersOf(resource: string, ids: ReadonlySet<string>): string[] {
    const users = this.#uses.filter(
      (use) => use.resource === resource && [...idsOf(use)].some((id) => ids.has(id)),
    );
    return [...new Set(users.map(({uid}) => uid))];
  }
}
