import type {NodeOptions} from '../config/join.ts';
import type {Machine} from '../edges/machine.ts';
import type {Code} from '../lib/codes/catalogue.ts';

/** What a check found to be wrong: a stable code, the case's own words, the next steps. */
export type Finding = {
  readonly code: Code;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** Steps for this very case; the catalogue's general advice follows. */
  readonly next: readonly string[];
};

export type Category = 'host' | 'identity' | 'network' | 'trust' | 'runtime' | 'leftovers';

export type CheckContext = {
  readonly options: NodeOptions;
  readonly machine: Machine;
  /** The machine has been joined by nodectl before: its own files and daemons are no leftovers. */
  readonly joined: boolean;
  /** Processes of nodectl's own services. */
  readonly ownPids: readonly number[];
};

/** One check as it is written: seeing is apart from judging, so that the judgement is pure. */
export type Check<Seen> = {
  /** kubeadm's name where it has one: `Port-10250` may be given to --ignore-preflight-errors. */
  readonly name: string;
  readonly category: Category;
  /** Names of checks without which this one says nothing: a root failure is shown once. */
  readonly after?: readonly string[];
  observe(context: CheckContext, signal: AbortSignal): Promise<Seen>;
  judge(seen: Seen, context: CheckContext): readonly Finding[];
};

/** A check whose sight is its own affair, so that checks of all kinds fit one list. */
export type AnyCheck = {
  readonly name: string;
  readonly category: Category;
  readonly after: readonly string[];
  run(context: CheckContext, signal: AbortSignal): Promise<readonly Finding[]>;
};

export function check<Seen>(definition: Check<Seen>): AnyCheck {
  return {
    name: definition.name,
    category: definition.category,
    after: definition.after ?? [],
    run: async (context, signal) => definition.judge(await definition.observe(context, signal), context),
  };
}

export function failure(code: Code, message: string, ...next: string[]): Finding {
  return {code, severity: 'error', message, next};
}

export function warning(code: Code, message: string, ...next: string[]): Finding {
  return {code, severity: 'warning', message, next};
}
