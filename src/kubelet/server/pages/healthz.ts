/** Names of Kubernetes' own checks; each says what is wrong, or nothing. */
export type HealthChecks = Readonly<Record<'ping' | 'log' | 'syncloop', () => string | undefined>>;

export type HealthAnswer = {readonly code: number; readonly body: string};

/** `/healthz`, `/healthz?verbose` and `/healthz/<check>`; undefined for a check that does not exist. */
export function healthz(path: string, verbose: boolean, checks: HealthChecks): HealthAnswer | undefined {
  const name = path.replace(/^\/healthz\/?/, '').replace(/\/$/, '');
  if (name === '') return all(verbose, checks);
  const check = Object.entries(checks).find(([known]) => known === name)?.[1];
  if (check === undefined) return undefined;
  const problem = check();
  return problem === undefined
    ? {code: 200, body: 'ok'}
    : {code: 500, body: `internal server error: ${problem}\n`};
}

function all(verbose: boolean, checks: HealthChecks): HealthAnswer {
  const results = Object.entries(checks).map(([name, check]) => ({name, problem: check()}));
  const failed = results.filter(({problem}) => problem !== undefined).map(({name}) => name);
  const lines = results.map(({name, problem}) =>
    problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`,
  );
  if (failed.length > 0)
    return {code: 500, body: `${[...lines, 'healthz check failed (nodectl explain ND736)'].join('\n')}\n`};
  return {code: 200, body: verbose ? `${[...lines, 'healthz check passed'].join('\n')}\n` : 'ok'};
}
