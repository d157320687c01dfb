import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import {credentialHash, type Login} from '../../../../src/kubelet/images/credentials/credentials.ts';
import {PullRecords} from '../../../../src/kubelet/images/records/pull-records.ts';
import {
  credentialsOfPull,
  judgeAccess,
  mergeCredentials,
} from '../../../../src/kubelet/images/records/pulled.ts';
import {verificationPolicy} from '../../../../src/kubelet/images/records/verification.ts';
import {silent} from '../../../../src/lib/log.ts';

const login = (name: string, password = 'words', kind: 'secret' | 'serviceAccount' = 'secret'): Login => ({
  credential: {username: 'me', password},
  source: {kind, uid: `uid-${name}`, namespace: 'default', name},
});
const ofNode: Login = {credential: {username: 'node', password: 'words'}};

describe('who may have an image that is here', () => {
  const tenant = credentialsOfPull(login('a'));
  it.each<[string, boolean, Login[]]>([
    ['the secret that it was pulled with', true, [login('a')]],
    ['another secret with the same login', true, [login('b')]],
    ['the same secret with a new login', true, [login('a', 'new')]],
    ['another secret with another login', false, [login('b', 'new')]],
    ['nobody in particular', false, []],
    ['only the node', false, [ofNode]],
    ['a ServiceAccount', false, [login('a', 'words', 'serviceAccount')]],
  ])('%s: %s', (_who, allowed, logins) => {
    expect(judgeAccess(tenant, logins).allowed).toBe(allowed);
  });

  it('everybody, when it was pulled with the node’s login or without any', () => {
    for (const pull of [credentialsOfPull(ofNode), credentialsOfPull(undefined)])
      expect(judgeAccess(pull, []).allowed).toBe(true);
  });

  it('the same ServiceAccount, and no other', () => {
    const known = credentialsOfPull(login('a', 'words', 'serviceAccount'));
    expect(judgeAccess(known, [login('a', 'other', 'serviceAccount')]).allowed).toBe(true);
    expect(judgeAccess(known, [login('b', 'words', 'serviceAccount')]).allowed).toBe(false);
  });

  it('is learnt from what was shown, but not without end', () => {
    expect(judgeAccess(tenant, [login('a')]).learnt).toBeUndefined();
    expect(judgeAccess(tenant, [login('b')]).learnt).toEqual(credentialsOfPull(login('b')));
    const many = Array.from({length: 100}, (_, at) => credentialsOfPull(login(`s${at}`)));
    const full = many.reduce((all, one) => mergeCredentials(all, one));
    expect(judgeAccess(full, [login('b')])).toEqual({allowed: true});
  });

  it('is everybody once everybody could pull it', () => {
    expect(mergeCredentials(tenant, {nodePodsAccessible: true})).toEqual({nodePodsAccessible: true});
    expect(mergeCredentials({nodePodsAccessible: true}, tenant)).toEqual({nodePodsAccessible: true});
  });
});

it('hashes credentials as the Go kubelet does', () => {
  // printf '{"username":"me","password":"a\\u0026b"}' | sha256sum
  expect(credentialHash({username: 'me', password: 'a&b'})).toBe(
    '70a19f143c9a6a5be241ab59b77dba485a891c87c17fd584c569a3997cb9eea6',
  );
});

describe('records of pulls', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(`${tmpdir()}/nodectl-records-`);
  });
  afterEach(() => rmSync(dir, {recursive: true, force: true}));

  const asked = {image: 'r.io/app:1', plain: 'r.io/app'};
  async function open(
    policy: Parameters<typeof verificationPolicy>[0]['imagePullCredentialsVerificationPolicy'],
  ) {
    const config = {
      imagePullCredentialsVerificationPolicy: policy,
      preloadedImagesVerificationAllowlist: ['r.io/app', 'q.io/*'],
    };
    const records = new PullRecords({dir, clock: realClock, log: silent, policy: verificationPolicy(config)});
    await records.open();
    return records;
  }
  const shows =
    (...logins: Login[]) =>
    () =>
      Promise.resolve(logins);

  it('let images be used that were here before', async () => {
    const records = await open('NeverVerifyPreloadedImages');
    expect(await records.mayUse(asked, 'sha256:1', shows())).toBe(true);
  });

  it('survive a restart, and are for the image by its name', async () => {
    const before = await open('NeverVerifyPreloadedImages');
    await before.begin(asked);
    await before.succeeded(asked, 'sha256:1', login('a'));
    const records = await open('NeverVerifyPreloadedImages');
    expect(await records.mayUse(asked, 'sha256:1', shows())).toBe(false);
    expect(await records.mayUse(asked, 'sha256:1', shows(login('a')))).toBe(true);
    const other = {image: 'q.io/app:1', plain: 'q.io/app'};
    expect(await records.mayUse(other, 'sha256:1', shows(login('a')))).toBe(false);
    expect(readdirSync(`${dir}/pulling`)).toEqual([]);
  });

  it('take an image whose pull was cut off for pulled', async () => {
    await (await open('NeverVerifyPreloadedImages')).begin(asked);
    const records = await open('NeverVerifyPreloadedImages');
    expect(await records.mayUse(asked, 'sha256:1', shows(login('a')))).toBe(false);
  });

  /** image_pull_manager.go, RecordImagePulled: the intent stays where the record could not be written. */
  it('take an image for pulled whose record could not be written', async () => {
    const records = await open('NeverVerifyPreloadedImages');
    await records.begin(asked);
    rmSync(`${dir}/pulled`, {recursive: true});
    writeFileSync(`${dir}/pulled`, 'in the way');
    await records.succeeded(asked, 'sha256:1', login('a'));
    rmSync(`${dir}/pulled`);
    expect(await records.mayUse(asked, 'sha256:1', shows())).toBe(false);
    const after = await open('NeverVerifyPreloadedImages');
    expect(await after.mayUse(asked, 'sha256:1', shows())).toBe(false);
  });

  /** image_pull_manager.go, initialize. */
  it('know what a pull brought that was cut off, by whatever name it is asked for', async () => {
    await (await open('NeverVerifyPreloadedImages')).begin(asked);
    const records = await open('NeverVerifyPreloadedImages');
    await records.recover(async () => [
      {id: 'sha256:1', names: ['r.io/app:1', 'r.io/app:2']},
      {id: 'sha256:2', names: ['r.io/app:3']},
    ]);
    expect(readdirSync(`${dir}/pulling`)).toEqual([]);
    const named = (tag: string) => ({image: `r.io/app:${tag}`, plain: 'r.io/app'});
    expect(await records.mayUse(named('2'), 'sha256:1', shows(login('a')))).toBe(false);
    expect(await records.mayUse(named('3'), 'sha256:2', shows())).toBe(true);
    await records.recover(() => Promise.reject(new Error('nothing was cut off: nobody needs a list')));
  });

  it('go on without a list of what is there', async () => {
    await (await open('NeverVerifyPreloadedImages')).begin(asked);
    const records = await open('NeverVerifyPreloadedImages');
    await records.recover(() => Promise.reject(new Error('the runtime is away')));
    expect(await records.mayUse(asked, 'sha256:1', shows())).toBe(false);
  });

  it('allow nobody when they cannot be read', async () => {
    const records = await open('NeverVerifyPreloadedImages');
    await records.begin(asked);
    await records.succeeded(asked, 'sha256:1', undefined);
    const [name] = readdirSync(`${dir}/pulled`);
    writeFileSync(`${dir}/pulled/${name}`, '{');
    expect(await records.mayUse(asked, 'sha256:1', shows())).toBe(false);
  });

  it('follow the policy', async () => {
    const always = await open('AlwaysVerify');
    expect(await always.mayUse(asked, 'sha256:1', shows())).toBe(false);
    const listed = await open('NeverVerifyAllowlistedImages');
    expect(await listed.mayUse(asked, 'sha256:1', shows())).toBe(true);
    expect(await listed.mayUse({image: 'q.io/b/c:1', plain: 'q.io/b/c'}, 'sha256:2', shows())).toBe(true);
    expect(await listed.mayUse({image: 'r.io/apple:1', plain: 'r.io/apple'}, 'sha256:3', shows())).toBe(
      false,
    );
  });

  it('go with their images, and hold no password', async () => {
    const records = await open('NeverVerifyPreloadedImages');
    await records.begin(asked);
    await records.succeeded(asked, 'sha256:1', login('a', 'hidden'));
    const [name] = readdirSync(`${dir}/pulled`);
    expect(readFileSync(`${dir}/pulled/${name}`, 'utf8')).not.toContain('hidden');
    await records.prune(new Set(['sha256:1']), Number.MAX_SAFE_INTEGER);
    expect(readdirSync(`${dir}/pulled`)).toHaveLength(1);
    await records.prune(new Set(), Date.now() - 60_000);
    expect(readdirSync(`${dir}/pulled`)).toHaveLength(1);
    await records.prune(new Set(), Number.MAX_SAFE_INTEGER);
    expect(readdirSync(`${dir}/pulled`)).toHaveLength(0);
  });
});
