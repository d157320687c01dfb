import type {Reflector} from '../../edges/kube/watch/reflector.ts';
import {describeError} from '../../lib/errors.ts';

/** How one resource is followed, for who wants to know whether Services are as the cluster has them. */
export type Followed = {
  readonly resource: string;
  /** False until everything was read once. */
  readonly synced: boolean;
  /** How long nothing could be read; 0 while all is well. */
  readonly failingMs: number;
  readonly error?: string;
};

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
