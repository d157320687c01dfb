import type {AnyCheck, CheckContext, Finding} from './check.ts';

export type CheckResult =
  | {readonly name: string; readonly state: 'ok'}
  | {readonly name: string; readonly state: 'found'; readonly findings: readonly Finding[]}
  /** What it builds on has failed: it would only repeat that. */
  | {readonly name: string; readonly state: 'skipped'; readonly because: string};

/** Runs checks in their order; one that depends on a failed or skipped one says only that. */
export async function runChecks(
  checks: readonly AnyCheck[],
  context: CheckContext,
  signal: AbortSignal,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const broken = new Set<string>();
  for (const check of checks) {
    const because = check.after.find((name) => broken.has(name));
    const findings = because === undefined ? await check.run(context, signal) : [];
    if (because !== undefined || findings.some(({severity}) => severity === 'error')) broken.add(check.name);
    if (because !== undefined) results.push({name: check.name, state: 'skipped', because});
    else if (findings.length > 0) results.push({name: check.name, state: 'found', findings});
    else results.push({name: check.name, state: 'ok'});
  }
  return results;
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
