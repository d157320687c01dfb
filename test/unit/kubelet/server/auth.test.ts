import {describe, expect, it, vi} from 'vitest';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import {Authenticator} from '../../../../src/kubelet/server/auth/authenticate.ts';
import {Authorizer} from '../../../../src/kubelet/server/auth/authorize.ts';
import {matchRoute, verbOf} from '../../../../src/kubelet/server/routes.ts';
import type {Clock} from '../../../../src/lib/time.ts';

describe('routes', () => {
  it.each([
    ['/pods', 'pods', ['pods', 'proxy']],
    ['/pods/', 'pods', ['pods', 'proxy']],
    ['/pods/x', 'not-found', ['pods', 'proxy']],
    ['/runningpods/', 'running-pods', ['pods', 'proxy']],
    ['/healthz', 'healthz', ['healthz', 'proxy']],
    ['/healthz/syncloop', 'healthz', ['healthz', 'proxy']],
    ['/healthzz', 'not-found', ['proxy']],
    ['/configz', 'configz', ['configz', 'proxy']],
    ['/flagz', 'flagz', ['configz']],
    ['/flagz/x', 'not-found', ['configz']],
    ['/statusz', 'statusz', ['statusz']],
    ['/metrics/slis', 'sli-metrics', ['metrics']],
    ['/metrics', 'metrics', ['metrics']],
    ['/metrics/cadvisor', 'cadvisor-metrics', ['metrics']],
    ['/metrics/resource', 'resource-metrics', ['metrics']],
    ['/stats/summary', 'stats', ['stats']],
    ['/logs/', 'node-logs', ['log']],
    ['/logs/syslog', 'node-logs', ['log']],
    ['/checkpoint/a/b/c', 'checkpoint', ['checkpoint']],
    ['/checkpoint/a/b', 'not-found', ['checkpoint']],
    ['/containerLogs/ns/pod/c', 'logs', ['proxy']],
    ['/exec/ns/pod/c', 'exec', ['proxy']],
    ['/debug/pprof/', 'profiles', ['proxy']],
    ['/debug/flags/v', 'debug-flags', ['proxy']],
    ['/', 'not-found', ['proxy']],
    ['/%zz', 'not-found', ['proxy']],
    ['/exec/ns//c', 'not-found', ['proxy']],
    ['/exec/ns/a%2Fb/c', 'not-found', ['proxy']],
    ['//pods', 'not-found', ['proxy']],
  ])('%s → %s', (path, endpoint, subresources) => {
    expect(matchRoute(path)).toMatchObject({endpoint, subresources});
  });

  it('takes a uid where there is one', () => {
    expect(matchRoute('/exec/ns/pod/u-1/c').parameters).toEqual({
      namespace: 'ns',
      pod: 'pod',
      uid: 'u-1',
      container: 'c',
    });
    expect(matchRoute('/portForward/ns/pod/u-1').parameters).toEqual({
      namespace: 'ns',
      pod: 'pod',
      uid: 'u-1',
    });
  });

  it.each([
    '/exec/n/p/c',
    '/exec/n/p/u/c',
    '/attach/n/p/c',
    '/run/n/p/c',
    '/portForward/n/p',
    '/exec',
    '/exec/a/b/c/d/e',
  ])('%s needs create, even as a GET', (path) => {
    expect(verbOf(matchRoute(path), 'GET')).toBe('create');
  });

  it('takes the verb of other requests from the method', () => {
    expect(verbOf(matchRoute('/pods'), 'GET')).toBe('get');
    expect(verbOf(matchRoute('/pods'), 'POST')).toBe('create');
    expect(verbOf(matchRoute('/pods'), 'OPTIONS')).toBe('');
  });
});

function fakeClock() {
  let ms = 0;
  const clock: Clock = {now: () => ms, monotonic: () => ms, after: () => () => undefined};
  return {clock, advance: (by: number) => (ms += by)};
}

function fakeClient(answer: (body: unknown) => unknown) {
  const request = vi.fn(async (_method: string, _path: string, body: unknown) => answer(body));
  // Only `request` is used by reviews; anything else must fail loudly.
  const client = new Proxy(
    {request},
    {
      get(target, name) {
        if (name === 'request') return target.request;
        throw new Error(`unexpected ${String(name)}`);
      },
    },
  ) as unknown as KubeClient;
  return {client, request};
}

describe('Authenticator', () => {
  const make = (answer: (body: unknown) => unknown, anonymous = false) => {
    const {clock, advance} = fakeClock();
    const {client, request} = fakeClient(answer);
    const it = new Authenticator({client, clock, anonymous, webhook: true, cacheMs: 120_000});
    return {it, request, advance};
  };
  const known = () => ({status: {authenticated: true, user: {username: 'u', groups: ['g']}}});
  const bearer = (token: string) => ({certificate: undefined, authorization: `Bearer ${token}`});

  it('takes a verified certificate by its common name and organizations', async () => {
    const {it, request} = make(known);
    const certificate = {
      verified: true,
      commonName: 'kube-apiserver',
      organizations: ['system:masters'],
    } as const;
    expect(await it.authenticate({certificate, authorization: 'Bearer x'})).toEqual({
      name: 'kube-apiserver',
      groups: ['system:masters', 'system:authenticated'],
    });
    expect(request).not.toHaveBeenCalled();
  });

  it('remembers a token for two minutes, known or not', async () => {
    const {it, request, advance} = make(known);
    expect(await it.authenticate(bearer('a'))).toMatchObject({
      name: 'u',
      groups: ['g', 'system:authenticated'],
    });
    advance(119_999);
    await it.authenticate(bearer('a'));
    expect(request).toHaveBeenCalledTimes(1);
    advance(2);
    await it.authenticate(bearer('a'));
    expect(request).toHaveBeenCalledTimes(2);
    await it.authenticate(bearer('b'));
    expect(request).toHaveBeenCalledTimes(3);
  });

  it('asks once for equal tokens that come together', async () => {
    const {it, request} = make(known);
    await Promise.all([it.authenticate(bearer('a')), it.authenticate(bearer('a'))]);
    expect(request).toHaveBeenCalledTimes(1);
  });

  it('refuses what the API server does not know, and fails when it cannot be asked', async () => {
    expect(await make(() => ({status: {}})).it.authenticate(bearer('a'))).toBeUndefined();
    const broken = make(() => {
      throw new Error('503');
    });
    await expect(broken.it.authenticate(bearer('a'))).rejects.toThrow('503');
    await expect(broken.it.authenticate(bearer('a'))).rejects.toThrow('503');
    expect(broken.request).toHaveBeenCalledTimes(2);
  });

  it.each([
    [undefined, undefined, 'system:anonymous'],
    [undefined, 'Basic eDp5', undefined],
    [{verified: false, reason: 'expired'} as const, undefined, undefined],
  ])('anonymous only where allowed and nothing was shown', async (certificate, authorization, name) => {
    const open = await make(known, true).it.authenticate({certificate, authorization});
    expect(open?.name).toBe(name);
    expect(await make(known).it.authenticate({certificate, authorization})).toBeUndefined();
  });

  it('looks at no header where tokens are not reviewed: whoever asks is anonymous', async () => {
    const {clock} = fakeClock();
    const {client, request} = fakeClient(() => ({status: {authenticated: true, user: {username: 'u'}}}));
    const options = {client, clock, webhook: false, cacheMs: 0};
    for (const authorization of ['Bearer a', 'Basic eDp5']) {
      const proof = {certificate: undefined, authorization};
      const open = new Authenticator({...options, anonymous: true});
      expect(await open.authenticate(proof)).toMatchObject({name: 'system:anonymous'});
      expect(await new Authenticator({...options, anonymous: false}).authenticate(proof)).toBeUndefined();
    }
    expect(request).not.toHaveBeenCalled();
  });

  it('lets a good token heal a bad certificate', async () => {
    const certificate = {verified: false, reason: 'expired'} as const;
    expect(await make(known).it.authenticate({certificate, authorization: 'bearer a'})).toMatchObject({
      name: 'u',
    });
  });
});

describe('Authorizer', () => {
  const user = {name: 'u', groups: ['g']};
  const make = (allow: (subresource: string) => boolean) => {
    const {clock, advance} = fakeClock();
    const {client, request} = fakeClient((body) => {
      const {spec} = body as {spec: {resourceAttributes: {subresource: string}}};
      return {status: {allowed: allow(spec.resourceAttributes.subresource)}};
    });
    const it = new Authorizer({
      client,
      clock,
      mode: 'Webhook',
      nodeName: 'n1',
      allowedMs: 300_000,
      deniedMs: 30_000,
    });
    return {it, request, advance};
  };

  it('is content with any of the subresources', async () => {
    const {it, request} = make((s) => s === 'proxy');
    expect(await it.authorize(user, 'get', ['pods', 'proxy'])).toBe(true);
    expect(request).toHaveBeenCalledTimes(2);
    expect(request.mock.calls[0]?.[2]).toMatchObject({
      spec: {user: 'u', groups: ['g'], resourceAttributes: {verb: 'get', resource: 'nodes', name: 'n1'}},
    });
  });

  it('remembers yes for five minutes and no for thirty seconds', async () => {
    const yes = make(() => true);
    await yes.it.authorize(user, 'get', ['proxy']);
    yes.advance(299_000);
    await yes.it.authorize(user, 'get', ['proxy']);
    expect(yes.request).toHaveBeenCalledTimes(1);
    const no = make(() => false);
    await no.it.authorize(user, 'get', ['proxy']);
    no.advance(29_000);
    expect(await no.it.authorize(user, 'get', ['proxy'])).toBe(false);
    expect(no.request).toHaveBeenCalledTimes(1);
    no.advance(2_000);
    await no.it.authorize(user, 'get', ['proxy']);
    expect(no.request).toHaveBeenCalledTimes(2);
  });

  it('does not mistake one user or verb for another', async () => {
    const {it, request} = make(() => true);
    await it.authorize(user, 'get', ['proxy']);
    await it.authorize({...user, groups: []}, 'get', ['proxy']);
    await it.authorize(user, 'create', ['proxy']);
    expect(request).toHaveBeenCalledTimes(3);
  });
});
