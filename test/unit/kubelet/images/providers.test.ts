import {describe, expect, it} from 'vitest';
import {readCredentialProviders} from '../../../../src/config/runtime/credential-providers.ts';
import {
  ExecProvider,
  type ServiceAccountSeen,
} from '../../../../src/kubelet/images/credentials/exec-provider.ts';
import {configHash} from '../../../../src/kubelet/images/credentials/providers.ts';
import {createPullRate} from '../../../../src/kubelet/images/pull-rate.ts';
import type {Pod} from '../../../../src/lib/kubernetes.ts';

const v1 = 'credentialprovider.kubelet.k8s.io/v1';
const one = {name: 'cloud', apiVersion: v1, matchImages: ['*.cloud.io/team'], defaultCacheDuration: '1m'};
const tokenAttributes = {
  serviceAccountTokenAudience: 'registry',
  cacheType: 'ServiceAccount',
  requireServiceAccount: true,
  requiredServiceAccountAnnotationKeys: ['cloud.io/role'],
};
const config = (...providers: object[]) => ({
  path: 'providers.yaml',
  text: JSON.stringify({apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig', providers}),
});

describe('a CredentialProviderConfig', () => {
  it('is read from several files', () => {
    const read = readCredentialProviders([config(one), config({...one, name: 'other'})]);
    expect(read).toMatchObject([
      {name: 'cloud', defaultCacheDuration: 60_000, args: [], env: []},
      {name: 'other'},
    ]);
  });

  it.each<[string, object[], RegExp]>([
    ['no provider', [], /providers/],
    ['a path in the name', [{...one, name: '../cloud'}], /name of a program/],
    ['no images', [{...one, matchImages: []}], /matchImages/],
    ['another API', [{...one, apiVersion: 'v1'}], /is not one of/],
    ['a negative duration', [{...one, defaultCacheDuration: '-1s'}], /duration/],
    ['an unknown field', [{...one, more: 1}], /unknown field/],
    ['a name twice', [one, one], /twice/],
    ['tokens of an older API', [{...one, apiVersion: `${v1}beta1`, tokenAttributes}], /needs apiVersion/],
    [
      'a required annotation without an account',
      [{...one, tokenAttributes: {...tokenAttributes, requireServiceAccount: false}}],
      /needs requireServiceAccount/,
    ],
    [
      'an annotation required and optional',
      [
        {
          ...one,
          tokenAttributes: {...tokenAttributes, optionalServiceAccountAnnotationKeys: ['cloud.io/role']},
        },
      ],
      /both required and optional/,
    ],
  ])('is refused with %s', (_what, providers, complaint) => {
    expect(() => readCredentialProviders([config(...providers)])).toThrow(complaint);
  });
});

function fakeClock() {
  let nowMs = 0;
  return {
    clock: {
      now: () => nowMs,
      monotonic: () => nowMs,
      after: (ms: number, fn: () => void) => {
        waits.push(ms);
        queueMicrotask(fn);
        return () => undefined;
      },
    },
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}
let waits: number[] = [];

type Changes = {
  provider?: object;
  answer?: object;
  account?: ServiceAccountSeen;
};
function provider({provider: changes = {}, answer = {}, account}: Changes = {}) {
  const requests: Record<string, unknown>[] = [];
  const {clock, advance} = fakeClock();
  const [configured] = readCredentialProviders([config({...one, ...changes})]);
  if (configured === undefined) throw new Error('nothing was read');
  const exec = new ExecProvider({
    provider: configured,
    clock,
    async run(request) {
      requests.push(JSON.parse(request));
      return JSON.stringify({
        apiVersion: v1,
        kind: 'CredentialProviderResponse',
        cacheKeyType: 'Registry',
        auth: {'a.cloud.io': {username: 'me', password: 'words'}},
        ...answer,
      });
    },
    serviceAccount: () =>
      Promise.resolve(account ?? {uid: 'sa-1', annotations: {'cloud.io/role': 'r', x: 'y'}}),
    token: () => Promise.resolve('token-1'),
  });
  return {exec, requests, advance};
}
const pod = (serviceAccountName?: string): Pod => ({
  metadata: {name: 'web', namespace: 'default', uid: 'u', resourceVersion: '1'},
  spec: {containers: [], ...(serviceAccountName === undefined ? {} : {serviceAccountName})},
});
const app = 'a.cloud.io/team/app';

describe('a credential provider', () => {
  it('is asked for its images only', async () => {
    const {exec, requests} = provider();
    expect(await exec.logins(pod(), 'b.io/team/app')).toEqual([]);
    expect(await exec.logins(pod(), 'a.cloud.io/other')).toEqual([]);
    expect(await exec.logins(pod(), app)).toMatchObject([{credential: {username: 'me'}}]);
    expect(requests).toEqual([{kind: 'CredentialProviderRequest', apiVersion: v1, image: app}]);
  });

  it.each<[string, string, number]>([
    ['Image', 'a.cloud.io/team/other', 2],
    ['Registry', 'a.cloud.io/team/other', 1],
    ['Registry', 'b.cloud.io/team/app', 2],
    ['Global', 'b.cloud.io/team/app', 1],
  ])('is asked again as its answer for %s says: %s', async (cacheKeyType, image, times) => {
    const {exec, requests} = provider({answer: {cacheKeyType}});
    await exec.logins(pod(), app);
    await exec.logins(pod(), image);
    expect(requests).toHaveLength(times);
  });

  it('is asked again when its answer is old, or must not be kept', async () => {
    const {exec, requests, advance} = provider({answer: {cacheDuration: '10s'}});
    await exec.logins(pod(), app);
    advance(9_000);
    await exec.logins(pod(), app);
    expect(requests).toHaveLength(1);
    advance(2_000);
    await exec.logins(pod(), app);
    expect(requests).toHaveLength(2);
    const never = provider({answer: {cacheDuration: '0s'}});
    await never.exec.logins(pod(), app);
    await never.exec.logins(pod(), app);
    expect(never.requests).toHaveLength(2);
  });

  it('is asked once for equal questions at the same time', async () => {
    const {exec, requests} = provider({answer: {cacheDuration: '0s'}});
    await Promise.all([exec.logins(pod(), app), exec.logins(pod(), app)]);
    expect(requests).toHaveLength(1);
  });

  it.each<[string, object]>([
    ['another version', {apiVersion: `${v1}beta1`}],
    ['another kind', {kind: 'Secret'}],
    ['an unknown cache key', {cacheKeyType: 'Host'}],
  ])('is not believed with %s, and its words are not told', async (_what, answer) => {
    const {exec} = provider({answer});
    const error = await exec.logins(pod(), app).catch((reason: unknown) => String(reason));
    expect(error).toMatch(/its answer is not/);
    expect(error).not.toContain('words');
  });

  it('gets the ServiceAccount’s token and the annotations it wants', async () => {
    const {exec, requests} = provider({provider: {tokenAttributes}});
    expect(await exec.logins(pod('builder'), app)).toMatchObject([
      {source: {kind: 'serviceAccount', uid: 'sa-1', namespace: 'default', name: 'builder'}},
    ]);
    expect(requests).toMatchObject([
      {serviceAccountToken: 'token-1', serviceAccountAnnotations: {'cloud.io/role': 'r'}},
    ]);
    expect(requests[0]?.serviceAccountAnnotations).not.toHaveProperty('x');
  });

  it('serves no pod without the account or the annotation that it requires', async () => {
    const {exec, requests} = provider({
      provider: {tokenAttributes},
      account: {uid: 'sa-1', annotations: {}},
    });
    expect(await exec.logins(pod('builder'), app)).toEqual([]);
    expect(await exec.logins(pod(), app)).toEqual([]);
    expect(requests).toEqual([]);
  });

  it('keeps answers by account, and may not give the token back', async () => {
    const {exec, requests} = provider({provider: {tokenAttributes}});
    await exec.logins(pod('a'), app);
    await exec.logins(pod('a'), app);
    await exec.logins(pod('b'), app);
    expect(requests).toHaveLength(2);
    const auth = {'a.cloud.io': {username: 'me', password: 'token-1'}};
    const echo = provider({provider: {tokenAttributes}, answer: {auth}});
    await expect(echo.exec.logins(pod('a'), app)).rejects.toThrow(/cacheType/);
    const passed = provider({
      provider: {tokenAttributes: {...tokenAttributes, cacheType: 'Token'}},
      answer: {auth},
    });
    expect(await passed.exec.logins(pod('a'), app)).toHaveLength(1);
  });
});

it('pulls begin in bursts, then at their rate', async () => {
  waits = [];
  const {clock, advance} = fakeClock();
  const turn = createPullRate(clock, {registryPullQPS: 5, registryBurst: 2});
  const {signal} = new AbortController();
  for (let at = 0; at < 4; at++) await turn(signal);
  expect(waits).toEqual([200, 400]);
  advance(10_000);
  await turn(signal);
  expect(waits).toHaveLength(2);
  const free = createPullRate(clock, {registryPullQPS: 0, registryBurst: 1});
  for (let at = 0; at < 50; at++) await free(signal);
  expect(waits).toHaveLength(2);
});

it('is known by one digest of all its files, each after its length', () => {
  const sources = [
    {path: '/a', text: 'a: 1\n'},
    {path: '/b', text: 'é'},
  ];
  expect(configHash(sources)).toBe('sha256:cdbfb9979fec48e8f9a894eb7d2c77a7a2dc1470e660ee1e3c778f1a2039d3cd');
});
