import type {NodeOptions} from '../config/join.ts';
import type {Machine} from '../edges/machine/machine.ts';
import type {Code} from '../lib/codes/catalogue.ts';
import type {Finding} from '../lib/node-report.ts';

export type {Finding};

export const categories = [
  'host',
  'identity',
  'network',
  'trust',
  'runtime',
  'kubelet',
  'proxy',
  'pods',
  'leftovers',
] as const;
export type Category = (typeof categories)[number];

/** What the checks before a join start from. */
export type CheckContext = {
  readonly options: NodeOptions;
  readonly machine: Machine;
  /** The machine has been joined by nodectl before: its own files and daemons are no leftovers. */
  readonly joined: boolean;
  /** Processes of nodectl's own services. */
  readonly ownPids: readonly number[];
};

type Common = {
  /** kubeadm's name where it has one: `Port-10250` may be given to --ignore-preflight-errors. */
  readonly name: string;
  readonly category: Category;
  /** When it may take longer than others. */
  readonly deadlineMs?: number;
  /** How it looks, after `this check `, for `nodectl explain`. */
  readonly looks?: string;
};

/** One check as it is written: seeing is apart from judging, so that the judgement is pure. */
export type Check<Seen, Context = CheckContext> = Common & {
  /** What it can find: whoever asks for one code runs only what leads to it. */
  readonly codes?: readonly Code[];
  /** Checks without which this one cannot look: a root failure is shown once. */
  readonly after?: readonly string[];
  /** Checks whose failure would explain what this one finds: it looks, but then says only that. */
  readonly blames?: readonly string[];
  /** Checks of which even a warning explains what this one finds. */
  readonly follows?: readonly string[];
  observe(context: Context, signal: AbortSignal): Promise<Seen>;
  judge(seen: Seen, context: Context): readonly Finding[];
};

/** A check whose sight is its own affair, so that checks of all kinds fit one list. */
export type AnyCheck<Context = CheckContext> = Common & {
  readonly codes?: readonly Code[];
  readonly after: readonly string[];
  readonly blames?: readonly string[];
  readonly follows?: readonly string[];
  run(context: Context, signal: AbortSignal): Promise<readonly Finding[]>;
};

export function check<Seen, Context = CheckContext>(definition: Check<Seen, Context>): AnyCheck<Context> {
  const {name, category, codes = [], after = [], blames = [], follows = [], looks, deadlineMs} = definition;
  return {
    name,
    category,
    ...(looks === undefined ? {} : {looks}),
    ...(deadlineMs === undefined ? {} : {deadlineMs}),
    codes,
    after,
    blames,
    follows,
    run: async (context, signal) => definition.judge(await definition.observe(context, signal), context),
  };
}

/** What a check of the machine itself starts from, before a join and after it. */
export type HostContext = Pick<CheckContext, 'options' | 'machine'>;

export function hostCheck<Seen>(definition: Check<Seen, HostContext>) {
  return check<Seen, HostContext>(definition);
}

export function failure(code: Code, message: string, ...next: string[]): Finding {
  return {code, severity: 'error', message, next};
}

export function warning(code: Code, message: string, ...next: string[]): Finding {
  return {code, severity: 'warning', message, next};
}
