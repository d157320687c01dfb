import {withDeadline} from '../edges/deadline.ts';
import type {Code} from '../lib/codes/catalogue.ts';
import {describeError} from '../lib/errors.ts';
import type {CheckState} from '../lib/node-report.ts';
import type {AnyCheck, Category, Finding} from './check.ts';

type Of = {readonly name: string; readonly category: Category};

export type CheckResult = Of & CheckState;

export type Limits = {readonly checkMs: number; readonly wholeMs: number};

/** For a broken machine: no look takes long, and neither do all of them. */
export const statusLimits: Limits = {checkMs: 3000, wholeMs: 8500};

/**
 * Runs checks as soon as what they depend on has been seen, so that independent ones run at the same time; the
 * results have the catalogue's order. One that depends on a failed or skipped one says only that.
 */
export async function runChecks<Context>(
  checks: readonly AnyCheck<Context>[],
  context: Context,
  signal: AbortSignal,
  limits: Limits = statusLimits,
): Promise<CheckResult[]> {
  const whole = AbortSignal.any([signal, AbortSignal.timeout(limits.wholeMs)]);
  const results = new Map<string, Promise<CheckResult>>();
  for (const check of checks) {
    const resultsOf = (names: readonly string[]) => names.flatMap((name) => results.get(name) ?? []);
    const causes = {
      after: resultsOf(check.after),
      blames: resultsOf(check.blames ?? []),
      follows: resultsOf(check.follows ?? []),
    };
    results.set(check.name, runOne(check, context, causes, whole, limits.checkMs));
  }
  return Promise.all(results.values());
}

/**
 * Looks of a first round that came too late may be there for a second one: on a busy machine each is shared, and goes on
 * while nobody waits for it any more.
 */
export async function seenAgain(
  first: readonly CheckResult[],
  look: () => Promise<CheckResult[]>,
): Promise<readonly CheckResult[]> {
  const again = await look();
  return unseen(again) < unseen(first) ? again : first;
}

function unseen(results: readonly CheckResult[]): number {
  return results.filter(({state}) => state === 'unseen').length;
}

type Causes = {
  readonly after: readonly Promise<CheckResult>[];
  readonly blames: readonly Promise<CheckResult>[];
  readonly follows: readonly Promise<CheckResult>[];
};

async function runOne<Context>(
  check: AnyCheck<Context>,
  context: Context,
  causes: Causes,
  signal: AbortSignal,
  checkMs: number,
): Promise<CheckResult> {
  const of: Of = {name: check.name, category: check.category};
  const needed = rootOf(await Promise.all(causes.after));
  if (needed !== undefined) return {...of, state: 'skipped', ...needed};
  try {
    const limitMs = Math.max(checkMs, check.deadlineMs ?? 0);
    const findings = await withDeadline(limitMs, signal, (inTime) => check.run(context, inTime));
    if (findings.length === 0) return {...of, state: 'ok'};
    const cause = rootOf(await Promise.all(causes.blames)) ?? foundBy(await Promise.all(causes.follows));
    return cause === undefined ? {...of, state: 'found', findings} : {...of, state: 'skipped', ...cause};
  } catch (error) {
    const cause = rootOf(await Promise.all(causes.blames));
    if (cause !== undefined) return {...of, state: 'skipped', ...cause};
    return {...of, state: 'unseen', why: describeError(error)};
  }
}

/** The first failure among these, or what made one of them be skipped. */
function rootOf(results: readonly CheckResult[]): {because: string; code: Code} | undefined {
  for (const result of results) {
    if (result.state === 'skipped') return {because: result.because, code: result.code};
    const error = result.state === 'found' ? result.findings.find((f) => f.severity === 'error') : undefined;
    if (error !== undefined) return {because: result.name, code: error.code};
  }
  return undefined;
}

/** Anything that one of these has found, also a warning. */
function foundBy(results: readonly CheckResult[]): {because: string; code: Code} | undefined {
  for (const result of results) {
    const first = result.state === 'found' ? result.findings[0] : undefined;
    if (first !== undefined) return {because: result.name, code: first.code};
  }
  return undefined;
}

/** The wanted checks and all that they build on, in the catalogue's order. */
export function closure<Context>(
  checks: readonly AnyCheck<Context>[],
  wanted: (check: AnyCheck<Context>) => boolean,
): AnyCheck<Context>[] {
  const names = new Set<string>();
  for (const check of checks.toReversed())
    if (wanted(check) || names.has(check.name))
      for (const name of [check.name, ...check.after, ...(check.blames ?? []), ...(check.follows ?? [])])
        names.add(name);
  return checks.filter(({name}) => names.has(name));
}

/** Errors that the user chose to ignore become warnings: by check name as kubeadm's, by code, or `all`. */
export function ignoring(results: readonly CheckResult[], ignored: readonly string[]): CheckResult[] {
  const names = ignored.map((name) => name.toLowerCase());
  const soften = (name: string, finding: Finding): Finding =>
    names.some((n) => n === 'all' || n === name.toLowerCase() || n === finding.code.toLowerCase())
      ? {...finding, severity: 'warning'}
      : finding;
  return results.map((result) =>
    result.state === 'found'
      ? {...result, findings: result.findings.map((finding) => soften(result.name, finding))}
      : result,
  );
}
