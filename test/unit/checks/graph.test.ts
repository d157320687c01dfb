import {describe, expect, it} from 'vitest';
import {type AnyCheck, failure, warning} from '../../../src/checks/check.ts';
import {closure, runChecks, seenAgain} from '../../../src/checks/graph.ts';
import {nodeCatalogue} from '../../../src/checks/node/catalogue.ts';
import {verdictOf} from '../../../src/checks/node/verdict.ts';

type Stub = Partial<Omit<AnyCheck<null>, 'name'>>;

const stub = (name: string, given: Stub = {}): AnyCheck<null> => ({
  name,
  category: 'host',
  after: [],
  run: async () => [],
  ...given,
});
const fails = (code: 'ND501' | 'ND733') => ({run: async () => [failure(code, 'x')]});
const never = new AbortController().signal;
const quick = {checkMs: 50, wholeMs: 200};

describe('the graph of checks', () => {
  it('looks at what does not depend on each other at the same time', async () => {
    const meeting = Promise.withResolvers<[]>();
    const first = stub('a', {run: () => meeting.promise});
    const second = stub('b', {
      run: async () => {
        meeting.resolve([]);
        return [];
      },
    });
    const results = await runChecks([first, second], null, never, quick);
    expect(results.map(({state}) => state)).toEqual(['ok', 'ok']);
  });

  it('names the root of a chain', async () => {
    const results = await runChecks(
      [stub('a', fails('ND501')), stub('b', {after: ['a']}), stub('c', {after: ['b']})],
      null,
      never,
    );
    expect(results[2]).toMatchObject({state: 'skipped', because: 'a', code: 'ND501'});
  });

  it('believes a check that finds nothing, whatever could be blamed', async () => {
    const results = await runChecks(
      [stub('a', fails('ND501')), stub('b', {blames: ['a']}), stub('c', {blames: ['a'], ...fails('ND733')})],
      null,
      never,
    );
    expect(results.map(({state}) => state)).toEqual(['found', 'ok', 'skipped']);
  });

  it('blames no warning', async () => {
    const warned = stub('a', {run: async () => [warning('ND104', 'x')]});
    const results = await runChecks([warned, stub('b', {blames: ['a'], ...fails('ND733')})], null, never);
    expect(results[1]?.state).toBe('found');
  });

  it('follows a warning too, where that explains it', async () => {
    const warned = stub('a', {run: async () => [warning('ND104', 'x')]});
    const results = await runChecks([warned, stub('b', {follows: ['a'], ...fails('ND733')})], null, never);
    expect(results[1]).toMatchObject({state: 'skipped', because: 'a', code: 'ND104'});
  });

  it('sees what came late when it looks again, and blames that for the rest', async () => {
    const late = Promise.withResolvers<ReturnType<typeof failure>[]>();
    const checks = [stub('a', {run: () => late.promise}), stub('b', {after: ['a'], ...fails('ND733')})];
    const look = () => runChecks(checks, null, never, quick);
    const first = await look();
    late.resolve([failure('ND501', 'x')]);
    expect(first.map(({state}) => state)).toEqual(['unseen', 'found']);
    const again = await seenAgain(first, look);
    expect(again.map(({state}) => state)).toEqual(['found', 'skipped']);
  });

  it('keeps the first look where the next one sees less', async () => {
    const first = await runChecks([stub('a', fails('ND501'))], null, never, quick);
    const blind = stub('a', {run: () => new Promise(() => undefined)});
    expect(await seenAgain(first, () => runChecks([blind], null, never, quick))).toBe(first);
  });

  it.each([
    ['a look that never ends', () => new Promise<never>(() => undefined), 'no answer within 0.05 s'],
    ['a look that fails', () => Promise.reject(new Error('EACCES')), 'EACCES'],
  ])('does not wait for %s, and says so', async (_, run, why) => {
    const results = await runChecks([stub('a', {run}), stub('b', {after: ['a']})], null, never, quick);
    expect(results).toMatchObject([{state: 'unseen', why}, {state: 'ok'}]);
  });

  it('takes with a wanted check what it builds on', () => {
    const all = [stub('a'), stub('b', {after: ['a']}), stub('c', {blames: ['b']}), stub('d')];
    expect(closure(all, ({name}) => name === 'c').map(({name}) => name)).toEqual(['a', 'b', 'c']);
  });
});

describe('the verdict', () => {
  const result = (findings: ReturnType<typeof failure>[]) =>
    ({name: 'x', category: 'host', state: 'found', findings}) as const;
  const unseen = {name: 'x', category: 'host', state: 'unseen', why: ''} as const;
  it.each([
    ['nothing', [], 'healthy', undefined],
    ['a warning', [result([warning('ND104', 'w')])], 'warnings', 'ND104'],
    [
      'an error after a warning',
      [result([warning('ND104', 'w')]), result([failure('ND501', 'e')])],
      'failed',
      'ND501',
    ],
    ['something unseen', [unseen], 'warnings', undefined],
  ])('of %s', (_, results, state, code) => {
    const verdict = verdictOf(results);
    expect([verdict.state, verdict.cause?.code]).toEqual([state, code]);
  });
});

describe('the catalogue of a node', () => {
  it('has each name once, and causes before what they cause', () => {
    const seen = new Set<string>();
    for (const {name, after, blames = [], follows = []} of nodeCatalogue) {
      expect(seen.has(name), name).toBe(false);
      for (const cause of [...after, ...blames, ...follows])
        expect(seen.has(cause), `${name} after ${cause}`).toBe(true);
      seen.add(name);
    }
  });
  it('says of each check what it can find', () => {
    for (const {name, codes = []} of nodeCatalogue) expect(codes.length, name).toBeGreaterThan(0);
  });
});
