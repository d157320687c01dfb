import type {Finding} from '../checks/check.ts';
import type {Layout} from '../config/layout.ts';
import type {AddressCandidate} from '../config/machine/node-ip.ts';
import type {Logger} from '../lib/log.ts';
import type {Plan} from './plan/types.ts';

export type PhaseName = 'preflight' | 'host' | 'runtime' | 'identity' | 'services' | 'proxy' | 'ready';

/** What a procedure of named phases tells while it runs; `ui/progress.ts` draws it. */
export type ProgressEvent<Name extends string> =
  | {readonly kind: 'phase'; readonly phase: Name; readonly title: string}
  | {readonly kind: 'act'; readonly phase: Name; readonly text: string}
  | {readonly kind: 'wait'; readonly phase: Name; readonly text: string}
  | {readonly kind: 'finding'; readonly phase: Name; readonly finding: Finding}
  | {readonly kind: 'done'; readonly phase: Name; readonly acts: number; readonly ms: number};

export type JoinEvent = ProgressEvent<PhaseName>;

export type JoinDeps = {
  readonly log: Logger;
  readonly onEvent: (event: JoinEvent) => void;
  readonly signal: AbortSignal;
  /** The words that start nodectl again: `[process.execPath]`, or `[node, main.ts]` from sources. */
  readonly program: readonly string[];
  /** A plan that was read and agreed to: nothing but it is done. */
  readonly planned?: Plan;
};

/** A node of this machine, for what works on one that has joined. */
export type NodePlace = {
  readonly layout: Layout;
  /** The node lies below a directory of its own. */
  readonly ownLayout: boolean;
};

/** What a procedure that tells its steps line by line is given. */
export type StepDeps = Pick<JoinDeps, 'signal' | 'program'> & {readonly onStep: (text: string) => void};

export type PhaseReport = {
  readonly name: PhaseName;
  readonly ms: number;
  readonly acts: readonly string[];
  readonly findings: readonly Finding[];
};

export type JoinResult = {
  readonly nodeName: string;
  readonly server: string;
  readonly planned: boolean;
  /** Changes made (or, of a plan, to be made); 0 means that everything was in place. */
  readonly changes: number;
  readonly state: 'planned' | 'started' | 'registered' | 'ready' | 'schedulable';
  readonly warnings: readonly Finding[];
  readonly phases: readonly PhaseReport[];
  /** The addresses of this machine, which of them is the node's, and why. */
  readonly addresses: readonly AddressCandidate[];
  /** Of a join that only plans. */
  readonly plan?: Plan;
};
