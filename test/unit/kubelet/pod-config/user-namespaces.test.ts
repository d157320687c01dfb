import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {
  type IdRange,
  parseSubIds,
  UserNamespaces,
} from '../../../../src/kubelet/pod/config/security/user-namespaces.ts';

/** Kubernetes' own cases of user namespaces (userns/userns_manager_test.go, TestParseGetSubIdsOutput), by their meaning. */
let podsDir: string;
beforeEach(() => {
  podsDir = mkdtempSync(`${tmpdir()}/nodectl-userns-`);
});
afterEach(() => rmSync(podsDir, {recursive: true}));

const unit = 65_536;
const open = (range?: IdRange, idsPerPod = unit, maxPods = 2) =>
  UserNamespaces.open({podsDir, idsPerPod, range, maxPods});
const made = (uid: string) => mkdirSync(`${podsDir}/${uid}`, {recursive: true});
const remember = (uid: string, content: unknown) => {
  made(uid);
  writeFileSync(`${podsDir}/${uid}/userns`, typeof content === 'string' ? content : JSON.stringify(content));
};
const mapping = (hostId: number, containerId = 0, length = unit) => [{hostId, containerId, length}];
const file = (hostId: number) => ({uidMappings: mapping(hostId), gidMappings: mapping(hostId)});
const first = async (namespaces: UserNamespaces, uid: string) => (await namespaces.of(uid)).uids?.[0]?.hostId;

describe('the ids of pods', () => {
  it('are of each alone, the same at each start, and on disk', async () => {
    const namespaces = await open();
    for (const uid of ['a', 'b']) made(uid);
    const both = await Promise.all(['a', 'b', 'a'].map((uid) => first(namespaces, uid)));
    expect(both).toEqual([unit, 2 * unit, unit]);
    expect(JSON.parse(readFileSync(`${podsDir}/b/userns`, 'utf8'))).toEqual(file(2 * unit));
  });

  it('are found again after a restart, and given to no other', async () => {
    remember('old', file(unit));
    made('new');
    made('other');
    const namespaces = await open();
    expect(await first(namespaces, 'new')).toBe(2 * unit);
    expect(await first(namespaces, 'old')).toBe(unit);
    await namespaces.release('old');
    expect(existsSync(`${podsDir}/old/userns`)).toBe(false);
    expect(await first(namespaces, 'other')).toBe(unit);
  });

  it('come to an end', async () => {
    const namespaces = await open({first: unit, count: 2 * unit});
    for (const uid of ['a', 'b', 'c']) made(uid);
    await namespaces.of('a');
    await namespaces.of('b');
    await expect(namespaces.of('c')).rejects.toThrow('could not find an empty slot');
    await namespaces.release('a');
    expect(await first(namespaces, 'c')).toBe(unit);
  });

  it('are not taken by a pod for which they could not be written', async () => {
    const namespaces = await open({first: unit, count: 2 * unit});
    await expect(namespaces.of('without-directory')).rejects.toThrow();
    made('a');
    expect(await first(namespaces, 'a')).toBe(unit);
  });

  it('may be more', async () => {
    made('a');
    const namespaces = await open(undefined, 2 * unit);
    expect(await namespaces.of('a')).toMatchObject({uids: mapping(2 * unit, 0, 2 * unit)});
  });
});

describe('ids that pods cannot have', () => {
  it.each<[string, IdRange]>([
    ['the first must be a multiple', {first: unit + 1, count: 2 * unit}],
    ['the machine’s own ids are no pod’s', {first: 0, count: 2 * unit}],
    ['their number must be a multiple', {first: unit, count: 2 * unit + 1}],
    ['they must be enough', {first: unit, count: unit}],
  ])('%s', async (_, range) => {
    await expect(open(range)).rejects.toThrow('user namespaces');
  });

  it.each<[string, unknown]>([
    ['no JSON', '{'],
    ['none', {}],
    ['several', {uidMappings: [...mapping(unit), ...mapping(2 * unit)], gidMappings: mapping(unit)}],
    ['other groups', {uidMappings: mapping(unit), gidMappings: mapping(2 * unit)}],
    ['no root', {uidMappings: mapping(unit, 1), gidMappings: mapping(unit, 1)}],
    ['another length', {uidMappings: mapping(unit, 0, 5), gidMappings: mapping(unit, 0, 5)}],
    ['between two pods', file(unit + 1)],
    ['the machine’s own', file(0)],
  ])('remembered of a pod: %s', async (_, content) => {
    remember('a', content);
    await expect(open()).rejects.toThrow();
  });

  it('remembered of two pods', async () => {
    remember('a', file(unit));
    remember('b', file(unit));
    await expect(open()).rejects.toThrow('pod b');
  });
});

describe('the answer of getsubids', () => {
  it('is a range', () => {
    const range = {first: 65_536, count: 2_147_483_648};
    expect(parseSubIds('0: kubelet 65536 2147483648')).toEqual(range);
    expect(parseSubIds('0: kubelet 65536 2147483648\n')).toEqual(range);
  });

  it.each([
    '',
    '0: kubelet 1 2\n1: kubelet 3 4\n',
    '0: kubelet 65536',
    '0: kubelet Foo 65536',
    '0: kubelet 0 Bar',
    '0: kubelet 4294967296 2147483648',
    '0: kubelet 65536 4294967296',
    '0: kubelet -1 2147483648',
    '0: kubelet 65536 -1',
  ])('is refused: %j', (text) => {
    expect(() => parseSubIds(text)).toThrow('getsubids');
  });
});
