import type {Finding} from '../check.ts';
import type {CheckResult} from '../graph.ts';

export type Verdict = {
  readonly state: 'healthy' | 'warnings' | 'failed';
  /** The root of the trouble: the first error in the catalogue's order, else the first warning. */
  readonly cause: (Finding & {readonly check: string}) | undefined;
};

export function verdictOf(results: readonly CheckResult[]): Verdict {
  const findings = results.flatMap((result) =>
    result.state === 'found' ? result.findings.map((finding) => ({...finding, check: result.name})) : [],
  );
  const error = findings.find(({severity}) => severity === 'error');
  if (error !== undefined) return {state: 'failed', cause: error};
  const unseen = results.some(({state}) => state === 'unseen');
  return {state: findings.length > 0 || unseen ? 'warnings' : 'healthy', cause: findings[0]};
}
