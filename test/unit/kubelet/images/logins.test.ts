import {describe, expect, it} from 'vitest';
import {podLogins} from '../../../../src/kubelet/images/credentials/logins.ts';
import {pod} from '../pod/fixtures.ts';

const secretOf = (name: string) => ({
  metadata: {name, namespace: 'default', uid: `uid-of-${name}`, resourceVersion: '1'},
  data: {
    '.dockerconfigjson': Buffer.from(
      JSON.stringify({auths: {'r.io': {username: name, password: 'secret'}}}),
    ).toString('base64'),
  },
});

async function logins(names: readonly string[], secret = async (name: string) => secretOf(name)) {
  const missing: string[] = [];
  const found = await podLogins(
    {
      objects: {
        secret: (_uid, _namespace, name) => (name === 'gone' ? Promise.resolve(undefined) : secret(name)),
      },
      ofNode: async () => [],
      ofProviders: async () => [],
      onMissing: (_, without) => missing.push(...without),
    },
    pod({imagePullSecrets: names.map((name) => ({name}))}),
    'r.io/app',
    new AbortController().signal,
  );
  return {users: found.map(({credential}) => credential.username), missing};
}

/** kubelet_pods_test.go, TestGetNonExistentImagePullSecret, and what is like it. */
describe('a pod’s pull secrets', () => {
  it('are tried in their order', async () =>
    expect(await logins(['a', 'b'])).toEqual({users: ['a', 'b'], missing: []}));

  it('that are missing are told of, and the others used', async () =>
    expect(await logins(['gone', 'b'])).toEqual({users: ['b'], missing: ['gone']}));

  it('that may not be read are told of as missing, and keep nobody from an image that needs none', async () =>
    expect(await logins(['a'], () => Promise.reject(new Error('forbidden')))).toEqual({
      users: [],
      missing: ['a'],
    }));

  it('without a name are none', async () =>
    expect(await logins(['', 'b'])).toEqual({users: ['b'], missing: []}));
});
