import type {Reflector} from '../../edges/kube/watch/reflector.ts';
import type {Followed} from '../../edges/nftables/proxy-commits.ts';
import {describeError} from '../../lib/errors.ts';

/** Answers `/following` of the metrics port. */
export class Following {
  #all: Readonly<Record<string, Pick<Reflector<unknown>, 'hasSynced' | 'failing'>>> = {};

  /** In the place of what was followed before. */
  follow(all: Readonly<Record<string, Pick<Reflector<unknown>, 'hasSynced' | 'failing'>>>): void {
    this.#all = all;
  }

  document(): readonly Followed[] {
    return Object.entries(this.#all).map(([resource, reflector]) => {
      const failing = reflector.failing();
      return {
        resource,
        synced: reflector.hasSynced(),
        failingMs: failing?.forMs ?? 0,
        ...(failing === undefined ? {} : {error: describeError(failing.error)}),
      };
    });
  }
}
