import {describe, expect, it} from 'vitest';
import {credentialsOf, matching} from '../../../../src/kubelet/images/credentials/credentials.ts';
import {parseImage} from '../../../../src/kubelet/images/reference.ts';

describe('an image name', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox', 'busybox:latest'],
    ['team/app:1', 'docker.io/team/app', 'team/app:1'],
    ['localhost/app', 'localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:1', 'localhost:5000/app', 'localhost:5000/app:1'],
    ['registry.k8s.io/pause:3.10', 'registry.k8s.io/pause', 'registry.k8s.io/pause:3.10'],
    [`a/b@sha256:${'0'.repeat(64)}`, 'docker.io/a/b', `a/b@sha256:${'0'.repeat(64)}`],
  ])('%s', (text, repository, name) => {
    expect(parseImage(text)).toMatchObject({repository, name});
  });

  it.each([
    '',
    'UPPER',
    'a b',
    'a:',
    '-a',
    'a@sha256:12',
    'f'.repeat(64).replace(/f/g, 'a'),
    'a'.repeat(600),
  ])('refuses %j', (text) => {
    expect(parseImage(text)).toBeUndefined();
  });

  it('knows which names mean the newest', () => {
    expect(parseImage('a')?.tag).toBe('latest');
    expect(parseImage(`a@sha256:${'0'.repeat(64)}`)?.tag).toBeUndefined();
  });
});

describe('pull credentials', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const secret = (auths: object) => ({
    metadata: {name: 's', namespace: 'n', uid: 'u', resourceVersion: '1'},
    data: {'.dockerconfigjson': base64(JSON.stringify({auths}))},
  });
  const login = (name: string) => ({auth: base64(`${name}:pass:word`)});
  const names = (auths: object, repository: string) =>
    matching(credentialsOf(secret(auths)), repository).map(({credential}) => credential.username);

  it('are read with passwords that hold colons', () => {
    expect(credentialsOf(secret({'https://r.io/': login('me')}))).toEqual([
      {registry: 'r.io', credential: {username: 'me', password: 'pass:word'}},
    ]);
  });

  it('fit by host, glob and path; the most particular first', () => {
    const auths = {
      'r.io': login('host'),
      'r.io/team': login('team'),
      '*.io': login('glob'),
      'x.io': login('no'),
    };
    expect(names(auths, 'r.io/team/app')).toEqual(['team', 'host', 'glob']);
    expect(names(auths, 'a.r.io/app')).toEqual([]);
  });

  it('know the hub by its old name, and ports apart', () => {
    expect(names({'https://index.docker.io/v1/': login('hub')}, 'docker.io/library/a')).toEqual(['hub']);
    expect(names({'r.io:5000': login('port')}, 'r.io/a')).toEqual([]);
  });

  it('are none when the secret is nonsense', () => {
    expect(credentialsOf({...secret({}), data: {'.dockerconfigjson': 'e30='}})).toEqual([]);
    expect(credentialsOf({...secret({}), data: {'.dockerconfigjson': '!!'}})).toEqual([]);
  });
});
