import {type Verdict, verdictOf} from '../../checks/node/verdict.ts';
import {sleep} from '../../edges/clock.ts';
import {catalogue} from '../../lib/codes/catalogue.ts';
import {exits} from '../../lib/codes/entry.ts';
import {NodectlError} from '../../lib/errors.ts';
import {lookAtNode, type StatusOptions, type StatusReport} from './status.ts';

const lookAgainMs = 1000;

/** Looks until nothing is wrong, but no longer than `waitMs`. */
export async function lookUntilHealthy(input: StatusOptions, waitMs: number): Promise<StatusReport> {
  const until = performance.now() + waitMs;
  let report = await lookAtNode(input);
  while (verdictOf(report.checks).state !== 'healthy' && performance.now() + lookAgainMs < until) {
    await sleep(lookAgainMs, input.signal);
    report = await lookAtNode(input);
  }
  return report;
}

/** Looks again and again until the signal. */
export async function watchNode(
  input: StatusOptions,
  everyMs: number,
  onReport: (report: StatusReport) => Promise<void>,
): Promise<void> {
  while (!input.signal.aborted) {
    await onReport(await lookAtNode(input));
    await sleep(everyMs, input.signal).catch(() => undefined);
  }
}

/** Which checks are asked for, by category and by the codes that they can find. @throws NodectlError ND904 */
export function selection(inCategory: readonly string[] = [], codes: readonly string[] = []) {
  const only = codesOf(codes);
  return (check: {readonly category: string; readonly codes?: readonly string[]}): boolean =>
    (inCategory.length === 0 || inCategory.includes(check.category)) &&
    (only.length === 0 || (check.codes ?? []).some((code) => only.includes(code)));
}

/** `ND501,nd122` as codes. @throws NodectlError ND904 for one that does not exist */
export function codesOf(words: readonly string[]): string[] {
  const codes = words.flatMap((word) => word.toUpperCase().split(','));
  const known = Object.keys(catalogue);
  const unknown = codes.find((code) => !known.includes(code));
  if (unknown !== undefined)
    throw new NodectlError('ND904', `there is no code ${unknown}`, {next: ['nodectl explain']});
  return codes;
}

export function exitOf({state, cause}: Verdict): number {
  if (state === 'healthy') return exits.done;
  if (state === 'warnings' || cause === undefined) return exits.failed;
  return exits[catalogue[cause.code].exit];
}
