import {beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import {createTokenSource, type TokenSource} from '../../../../src/kubelet/volumes/kinds/tokens.ts';
import {silent} from '../../../../src/lib/log.ts';
import {pod} from '../pod-config/pods.ts';

const of = pod({serviceAccountName: 'robot'});
const hour = {expirationSeconds: 3600};
const dayMs = 86_400_000;

describe('service-account tokens', () => {
  let nowMs: number;
  let asked: {path: string; body: unknown}[];
  let answers: boolean;
  let tokens: TokenSource;

  beforeEach(() => {
    nowMs = 1_800_000_000_000;
    asked = [];
    answers = true;
    const request: KubeClient['request'] = async <T>(_: string, path: string, body?: object): Promise<T> => {
      if (!answers) throw new Error('away');
      asked.push({path, body});
      const {spec} = JSON.parse(JSON.stringify(body));
      const expirationTimestamp = new Date(nowMs + spec.expirationSeconds * 1000).toISOString();
      return JSON.parse(JSON.stringify({spec, status: {token: `t${asked.length}`, expirationTimestamp}}));
    };
    const refuse = (): never => {
      throw new Error('not asked for');
    };
    const client: KubeClient = {
      request,
      get: refuse,
      list: refuse,
      create: refuse,
      update: refuse,
      patch: refuse,
      delete: refuse,
      watch: refuse,
    };
    tokens = createTokenSource({client, clock: {...realClock, now: () => nowMs}, log: silent});
  });

  it('are asked for as bound to the pod, and kept', async () => {
    expect((await tokens.token(of, {...hour, audience: 'vault'})).token).toBe('t1');
    expect((await tokens.token(of, {...hour, audience: 'vault'})).token).toBe('t1');
    expect((await tokens.token(of, hour)).token).toBe('t2');
    expect(asked[0]).toEqual({
      path: '/api/v1/namespaces/shop/serviceaccounts/robot/token',
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: ['vault'],
          expirationSeconds: 3600,
          boundObjectRef: {apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'u-1'},
        },
      },
    });
  });

  it('are renewed at 80 % of their life', async () => {
    const {againInMs} = await tokens.token(of, hour);
    expect(againInMs).toBeLessThanOrEqual(2_880_000);
    expect(againInMs).toBeGreaterThan(2_869_000);
    nowMs += againInMs - 1;
    expect((await tokens.token(of, hour)).token).toBe('t1');
    nowMs += 1;
    expect((await tokens.token(of, hour)).token).toBe('t2');
  });

  it('are renewed after a day at the latest', async () => {
    const {againInMs} = await tokens.token(of, {expirationSeconds: 30 * 86_400});
    expect(againInMs).toBeLessThanOrEqual(dayMs);
    expect(againInMs).toBeGreaterThan(dayMs - 11_000);
  });

  it('serve on while the API is away, but not beyond their end', async () => {
    await tokens.token(of, hour);
    answers = false;
    nowMs += 3_500_000;
    expect(await tokens.token(of, hour)).toMatchObject({token: 't1', againInMs: 30_000});
    nowMs += 200_000;
    await expect(tokens.token(of, hour)).rejects.toThrow('away');
  });

  it('are forgotten with their pod', async () => {
    await tokens.token(of, hour);
    tokens.forget('u-1');
    expect((await tokens.token(of, hour)).token).toBe('t2');
  });
});
