import type {NodeView} from '../model/node.ts';
import type {ServiceSource} from '../table/family-table.ts';
import type {NodeContext} from '../table/skeleton.ts';
import type {ProxyMode} from './mode.ts';

export type Changes = {
  readonly sources: ReadonlyMap<string, ServiceSource>;
  readonly node: NodeView;
  /** Set when the node's addresses or the service ranges changed. */
  readonly context: NodeContext | undefined;
};

export type Inspected = {
  /** What somebody else has changed in the rules, in a person's words. */
  readonly changed: string | undefined;
  /** How much was read. */
  readonly lines: number;
};

export type Committed = 'nothing' | 'partial' | 'full';

/** One family's rules: those that are wanted, and the kernel that is made to follow them. */
export type DataPlane = {
  readonly mode: ProxyMode;
  /** The kernel holds what was committed last; false before the first commit, after a failure and after `forget`. */
  readonly known: boolean;
  /** Service ports with a Local policy that no endpoint of this node serves. */
  readonly withoutLocal: {readonly internal: number; readonly external: number};
  /** The kernel may hold anything now: the next commit writes all of it. */
  forget(): void;
  /** Decides what is wanted now. Pure but for the plane's own state. */
  update(changes: Changes): void;
  /** Brings the kernel to what is wanted. @throws when it refuses: then the kernel is unknown */
  commit(): Promise<Committed>;
  /** Milliseconds until something that fell out of use can be deleted; undefined when there is nothing. */
  readonly sweepInMs: number | undefined;
  sweep(): Promise<void>;
  /** Looks whether the rules are still there; cheap enough to be asked every second. @throws where nobody knows */
  isIntact(): Promise<boolean>;
  /** How much there is to be listed, where that can be told. */
  readonly elements?: number;
  /** Rules were written that `inspect` has not seen yet. */
  readonly learns?: boolean;
  /**
   * Looks for changes of others, of rules alone or of everything; undefined when it cannot be told now, as we have
   * written meanwhile. With `holds` our own changes wait until it is over.
   */
  inspect?(what: 'all' | 'rules', holds: boolean): Promise<Inspected | undefined>;
  /** Repairs do not help against what `inspect` says of rules: they are printed differently now. */
  relearn?(): void;
  /** Service ports and their verdicts as committed, where the kernel holds them in one map (`nodectl status` compares). */
  services?(): ReadonlyMap<string, string>;
};
