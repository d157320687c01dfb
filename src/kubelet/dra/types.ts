import type {DraDevice} from '../../edges/dra/client.ts';

/** A ResourceClaim that pods of this node use, or used when nobody had given it back yet. */
export type ClaimRecord = {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly pods: Set<string>;
  /** By driver: all that have a part in the allocation, also one without devices. */
  readonly drivers: Map<string, readonly DraDevice[]>;
  /** Its drivers have prepared it since this kubelet began. */
  prepared: boolean;
};

export function claimKey({namespace, name}: {readonly namespace: string; readonly name: string}): string {
  return `${namespace}/${name}`;
}
