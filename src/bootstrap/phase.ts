import type {Finding} from '../checks/check.ts';
import type {Cluster} from '../checks/trust/cluster.ts';
import type {JoinOptions} from '../config/join.ts';
import type {AddressCandidate} from '../config/machine/node-ip.ts';
import type {PackageManager} from '../edges/install/packages.ts';
import type {Machine} from '../edges/machine/machine.ts';
import type {ServiceManager} from '../edges/systemd/services.ts';
import type {Decision} from '../lib/control/reconcile.ts';
import {NodectlError} from '../lib/errors.ts';
import type {Logger} from '../lib/log.ts';
import type {Act} from './apply/acts.ts';
import type {Foreseen} from './plan/types.ts';
import type {PhaseName} from './types.ts';
import type {Journal} from './undo/journal.ts';

/** What the preflight learnt and every later phase starts from; nothing in it changes during a join. */
export type Facts = {
  readonly options: JoinOptions;
  readonly machine: Machine;
  readonly cluster: Cluster;
  readonly packages: PackageManager | undefined;
  readonly services: ServiceManager;
  /** The words that start nodectl from its stable place. */
  readonly program: readonly string[];
  /** Our own binary, when it must be copied to that place. */
  readonly binary: {readonly from: string; readonly path: string} | undefined;
  /** Candidates for the node's address, and the reasons. */
  readonly addresses: readonly AddressCandidate[];
  readonly journal: Journal;
  readonly log: Logger;
};

/** A change of one object for which a phase waits: the next look is at that, or after `againInMs`. */
export type Awaited = {
  readonly resource: 'certificatesigningrequests' | 'nodes';
  readonly name: string;
  readonly resourceVersion: string | undefined;
};

export type PhaseDecision = Decision<Act> & {
  /** What a person reads while nothing is done. */
  readonly waiting?: string;
  readonly awaited?: Awaited;
  /** What a person should know, told once the phase is done. */
  readonly findings?: readonly Finding[];
};

/** One step of a join: a reconciler whose sight is its own affair, so that all fit one list. */
export type Phase = {
  readonly name: PhaseName;
  readonly title: string;
  /** How long it may wait in all. */
  readonly waitMs: (options: JoinOptions) => number;
  /** What to say when it has waited longer. */
  readonly late: (waiting: string) => NodectlError;
  look(facts: Facts, signal: AbortSignal): Promise<PhaseDecision>;
  /** Everything that it would do in all its rounds, from its first decision. */
  foresee(facts: Facts, first: PhaseDecision): Promise<readonly Foreseen[]>;
};

export function phase<Seen>(definition: {
  readonly name: PhaseName;
  readonly title: string;
  readonly waitMs?: (options: JoinOptions) => number;
  readonly late?: (waiting: string) => NodectlError;
  observe(facts: Facts, signal: AbortSignal): Promise<Seen>;
  /** Pure; throws a NodectlError for what no further act can mend. */
  decide(seen: Seen, facts: Facts): PhaseDecision;
  foresee?(facts: Facts, first: PhaseDecision): Promise<readonly Foreseen[]>;
}): Phase {
  return {
    name: definition.name,
    title: definition.title,
    waitMs: definition.waitMs ?? (() => 60_000),
    late: definition.late ?? ((waiting) => new NodectlError('ND902', waiting)),
    foresee: definition.foresee ?? (async (_, {acts}) => acts),
    look: async (facts, signal) => definition.decide(await definition.observe(facts, signal), facts),
  };
}
