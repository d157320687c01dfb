import {describe, expect, it} from 'vitest';
import {matchRoute, verbOf} from '../../../../src/kubelet/server/routes.ts';

/** Paths and the rights that they need, as Kubernetes' own tests have them (pkg/kubelet/server/auth_test.go). */
const paths: readonly (readonly [path: string, ...subresources: string[]])[] = [
  ['/attach/n/p/c', 'proxy'],
  ['/attach/n/p/u/c', 'proxy'],
  ['/checkpoint/n/p/c', 'checkpoint'],
  ['/configz', 'configz', 'proxy'],
  ['/flagz', 'configz'],
  ['/statusz', 'statusz'],
  ['/containerLogs/n/p/c', 'proxy'],
  ['/debug/flags/v', 'proxy'],
  ['/debug/pprof/heap', 'proxy'],
  ['/exec/n/p/c', 'proxy'],
  ['/exec/n/p/u/c', 'proxy'],
  ['/healthz', 'healthz', 'proxy'],
  ['/healthz/log', 'healthz', 'proxy'],
  ['/healthz/ping', 'healthz', 'proxy'],
  ['/healthz/syncloop', 'healthz', 'proxy'],
  ['/logs/', 'log'],
  ['/logs/a/b.log', 'log'],
  ['/metrics', 'metrics'],
  ['/metrics/slis', 'metrics'],
  ['/metrics/cadvisor', 'metrics'],
  ['/metrics/probes', 'metrics'],
  ['/metrics/resource', 'metrics'],
  ['/pods/', 'pods', 'proxy'],
  ['/portForward/n/p', 'proxy'],
  ['/portForward/n/p/u', 'proxy'],
  ['/run/n/p/c', 'proxy'],
  ['/run/n/p/u/c', 'proxy'],
  ['/runningpods/', 'pods', 'proxy'],
  ['/stats/', 'stats'],
  ['/stats/summary', 'stats'],
  // isSubpath: whole segments only.
  ['/logsx', 'proxy'],
  ['/statsx', 'proxy'],
  ['/metricsx/y', 'proxy'],
  ['/podsx', 'proxy'],
];
const verbs = {POST: 'create', GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete'} as const;
/** There this kubelet wants more: a WebSocket's handshake is a GET. */
const acting = /^\/(attach|exec|run|portForward)\//;

describe('the right to', () => {
  it.each(paths)('%s', (path, ...subresources) => {
    const route = matchRoute(path);
    expect(route.subresources).toEqual(subresources);
    for (const [method, verb] of Object.entries(verbs))
      expect([method, verbOf(route, method)]).toEqual([method, acting.test(path) ? 'create' : verb]);
  });
});
