import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import {connectKube, type KubeConnectionClient} from '../../../../src/edges/kube/http-client.ts';
import {
  type Reflector,
  type ReflectorOptions,
  startReflector,
} from '../../../../src/edges/kube/watch/reflector.ts';
import type {ConfigMap} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';
import {configMaps} from '../../../../src/lib/resources.ts';
import type {Clock} from '../../../../src/lib/time.ts';
import {
  bookmark,
  configMap,
  line,
  type Response,
  type ScriptedServer,
  scriptedServer,
  status,
} from './scripted-server.ts';

/** How long a reflector waits for the initial events before it takes a server for one that does not know WatchList. */
const silenceMs = 10_000;

/**
 * Real time, with pauses a hundred times shorter; what was asked for is kept. The wait for the initial events is as
 * long as it is, but where a test is about its end: a busy machine must not be taken for a server without WatchList.
 */
function hurried(): Clock & {waits: number[]; impatient: boolean} {
  const waits: number[] = [];
  return {
    ...realClock,
    waits,
    impatient: false,
    after(ms, fn) {
      if (ms === silenceMs) return realClock.after(this.impatient ? 100 : ms, fn);
      waits.push(ms);
      return realClock.after(ms / 100, fn);
    },
  };
}

/** Longer than any machine takes; each of these ends with its condition. */
const patience = {timeout: 8_000};

describe('a reflector', () => {
  let server: ScriptedServer;
  let client: KubeConnectionClient;
  let reflector: Reflector<ConfigMap>;
  let clock: ReturnType<typeof hurried>;
  let told: string[];

  beforeEach(async () => {
    server = await scriptedServer();
    client = connectKube(server.connection);
    clock = hurried();
    told = [];
  });
  afterEach(async () => {
    await reflector.stop();
    await client.close();
    await server.close();
  });

  const start = (
    time: Clock = clock,
    more: Partial<Pick<ReflectorOptions<ConfigMap>, 'log' | 'trim'>> = {},
  ): void => {
    reflector = startReflector({
      client,
      resource: configMaps,
      clock: time,
      log: silent,
      onEvent: ({type, object}) =>
        told.push(`${type} ${object.metadata.name}@${object.metadata.resourceVersion}`),
      onSynced: () => told.push('synced'),
      onRelist: () => told.push('relisted'),
      ...more,
    });
  };
  const names = (): string => [...reflector.store.keys()].join(' ');
  const watches = (): string[] => server.seen.filter((path) => path.includes('watch=true'));
  const listOf = (resourceVersion: string, items: object[], more?: string): string =>
    JSON.stringify({
      kind: 'ConfigMapList',
      items: items.map((item) => ({...item, kind: undefined, apiVersion: undefined})),
      metadata: {resourceVersion, ...(more === undefined ? {} : {continue: more})},
    });
  const refuseWatchList = (response: Response): unknown =>
    response.writeHead(422).end(JSON.stringify(status(422, 'Invalid', 'sendInitialEvents is forbidden')));

  it('is complete at the end of the initial events, and follows', async () => {
    server.answer((_, response) => {
      response.write(line('ADDED', configMap('a', 1)) + line('ADDED', configMap('b', 2)));
      response.write(
        bookmark(5, true) + line('MODIFIED', configMap('a', 6)) + line('DELETED', configMap('b', 7)),
      );
    });
    start();
    await reflector.synced;
    await expect
      .poll(() => told, patience)
      .toEqual(['added a@1', 'added b@2', 'synced', 'modified a@6', 'deleted b@7']);
    expect(names()).toBe('default/a');
    expect(server.seen[0]).toContain('sendInitialEvents=true&resourceVersionMatch=NotOlderThan');
  });

  it('lists in pages and watches where WatchList is refused', async () => {
    server.answer((_, response, {searchParams}) => {
      if (searchParams.has('sendInitialEvents')) refuseWatchList(response);
      else if (searchParams.has('watch')) response.write(line('ADDED', configMap('c', 11)));
      else if (searchParams.has('continue')) response.end(listOf('10', [configMap('b', 2)]));
      else response.end(listOf('10', [configMap('a', 1)], 'more'));
    });
    start();
    await expect.poll(() => told, patience).toEqual(['added a@1', 'added b@2', 'synced', 'added c@11']);
    expect(reflector.store.get('default/a')).toMatchObject({kind: 'ConfigMap', apiVersion: 'v1'});
    expect(watches().at(-1)).toContain('resourceVersion=10');
  });

  it('lists where a server ignores what it does not know', async () => {
    clock.impatient = true;
    server.answer((_, response, {searchParams}) => {
      if (searchParams.has('watch')) response.write(line('ADDED', configMap('a', 1)));
      else response.end(listOf('10', [configMap('a', 1)]));
    });
    start();
    await expect.poll(() => told, patience).toEqual(['added a@1', 'synced']);
  });

  it('row 21: goes on where it left off, after a cut in the middle of a line or a character', async () => {
    const half = Buffer.from(line('ADDED', configMap('c', 8, {k: '😀'})));
    const cut = half.indexOf('😀') + 2;
    server.answer((_, response) => {
      if (watches().length === 1) {
        response.write(line('ADDED', configMap('a', 1)) + bookmark(5, true) + bookmark(7));
        response.write(half.subarray(0, cut));
        setTimeout(() => response.destroy(), 30);
      } else response.write(half);
    });
    start();
    await expect.poll(() => told, patience).toEqual(['added a@1', 'synced', 'added c@8']);
    expect(watches()[1]).toContain('resourceVersion=7');
    expect(reflector.store.get('default/c')?.data).toEqual({k: '😀'});
  });

  it.each(['an HTTP answer', 'an ERROR event'])(
    'row 18: lists again after 410 in %s, and tells the difference',
    async (how) => {
      server.answer((_, response, {searchParams}) => {
        const gone = status(410, 'Expired', 'too old resource version');
        if (watches().length === 1)
          response.end(
            line('ADDED', configMap('a', 1)) + line('ADDED', configMap('b', 2)) + bookmark(5, true),
          );
        else if (!searchParams.has('sendInitialEvents')) {
          if (how === 'an ERROR event') response.end(line('ERROR', gone));
          else response.writeHead(410).end(JSON.stringify(gone));
        } else
          response.write(
            line('ADDED', configMap('b', 9)) + line('ADDED', configMap('c', 8)) + bookmark(10, true),
          );
      });
      start();
      await expect
        .poll(() => told.slice(3), patience)
        .toEqual(['deleted a@1', 'modified b@9', 'added c@8', 'relisted']);
      expect(names()).toBe('default/b default/c');
    },
  );

  it('row 23: deletes nothing while a list is only half there', async () => {
    let lists = 0;
    server.answer((_, response, {searchParams}) => {
      if (searchParams.has('sendInitialEvents')) return refuseWatchList(response);
      if (searchParams.has('watch'))
        return lists === 1
          ? response.end(line('ERROR', status(410, 'Expired', 'old')))
          : response.write(bookmark(20));
      if (searchParams.has('continue')) {
        lists++;
        if (lists > 1 && lists < 4) return response.writeHead(500).end('<html>oops</html>');
        return response.end(listOf('10', [configMap('b', 2)]));
      }
      return response.end(listOf('10', [configMap('a', 1)], 'more'));
    });
    start();
    await expect.poll(() => told, patience).toEqual(['added a@1', 'added b@2', 'synced', 'relisted']);
    expect(lists).toBe(4);
  });

  it('starts the list again when its continue token has expired', async () => {
    server.answer((_, response, {searchParams}) => {
      if (searchParams.has('sendInitialEvents')) refuseWatchList(response);
      else if (searchParams.has('watch')) response.write(bookmark(11));
      else if (searchParams.has('continue')) response.writeHead(410).end();
      else if (searchParams.has('limit')) response.end(listOf('9', [configMap('a', 1)], 'more'));
      else response.end(listOf('10', [configMap('b', 2)]));
    });
    start();
    await expect.poll(() => told, patience).toEqual(['added b@2', 'synced']);
  });

  it('row 23: never goes back in time', async () => {
    const answers = [
      line('ADDED', configMap('a', 8)) + bookmark(100, true) + line('ERROR', status(410, 'Expired', 'old')),
      line('ADDED', configMap('old', 3)) + bookmark(9, true),
      line('ADDED', configMap('a', 8)) +
        bookmark(101, true) +
        line('MODIFIED', configMap('a', 7)) +
        bookmark(102),
    ];
    server.answer((_, response) => {
      const text = answers.shift();
      if (text !== undefined) response.write(text);
      if (answers.length === 0) return;
      response.end();
    });
    start();
    await expect.poll(() => told, patience).toEqual(['added a@8', 'synced', 'relisted']);
    expect(reflector.store.get('default/a')?.metadata.resourceVersion).toBe('8');
  });

  it('takes an object made again under the same name for another one', async () => {
    const again = {...configMap('a', 7), metadata: {...metadataOf('a', 7), uid: 'other'}};
    server.answer((_, response) =>
      response.write(line('ADDED', configMap('a', 1)) + bookmark(5, true) + line('MODIFIED', again)),
    );
    start();
    await expect.poll(() => told, patience).toEqual(['added a@1', 'synced', 'deleted a@1', 'added a@7']);
  });

  it('rows 19 and 20: backs off from 0.8 to 30 s and honours Retry-After', async () => {
    server.answer((_, response) => {
      if (server.seen.length === 3) response.writeHead(429, {'retry-after': '50'}).end();
      else if (server.seen.length < 9) response.writeHead(500).end('<html>no</html>');
      else response.write(line('ADDED', configMap('a', 1)) + bookmark(5, true));
    });
    start();
    await expect.poll(() => told, patience).toEqual(['added a@1', 'synced']);
    expect(clock.waits).toHaveLength(8);
    const [first = 0] = clock.waits;
    expect(first).toBeGreaterThanOrEqual(800);
    expect(first).toBeLessThan(1600);
    expect(clock.waits[2]).toBe(50_000);
    expect(Math.max(...clock.waits.slice(3))).toBeLessThanOrEqual(30_000);
    expect(Math.min(...clock.waits.slice(5))).toBeGreaterThanOrEqual(15_000);
  });

  it('comes back after the server was away', async () => {
    server.answer((_, response) => response.write(bookmark(5, true)));
    start();
    await reflector.synced;
    expect(reflector.lastError()).toBeUndefined();
    for (const socket of server.sockets) socket.destroy();
    server.answer((_, response) => response.write(line('ADDED', configMap('a', 6))));
    await expect.poll(() => told, patience).toEqual(['synced', 'added a@6']);
    expect(watches()[1]).toContain('resourceVersion=5');
  });

  it('row 15: bears an hour without the server: nothing is lost, and it is asked at most as often as the back-off says', async () => {
    let nowMs = 0;
    const hour: Clock = {
      now: () => nowMs,
      monotonic: () => nowMs,
      after: (ms, fn) => {
        if (ms === silenceMs) return () => undefined;
        return realClock.after(0, () => {
          nowMs += ms;
          fn();
        });
      },
    };
    server.answer((_, response) => response.write(line('ADDED', configMap('a', 1)) + bookmark(5, true)));
    start(hour);
    await reflector.synced;
    const before = server.seen.length;
    server.answer((_, response) =>
      nowMs < 3_600_000 ? response.destroy() : response.write(line('MODIFIED', configMap('a', 6))),
    );
    for (const socket of server.sockets) socket.destroy();
    await expect.poll(() => told, patience).toEqual(['added a@1', 'synced', 'modified a@6']);
    // Half of 30 s is the least that its jitter allows.
    expect(server.seen.length - before).toBeLessThan(3_600 / 15 + 10);
    expect(watches().at(-1)).toContain('resourceVersion=5');
  });

  it('survives a consumer that throws', async () => {
    server.answer((_, response) =>
      response.write(line('ADDED', configMap('a', 1)) + line('ADDED', configMap('b', 2)) + bookmark(5, true)),
    );
    reflector = startReflector({
      client,
      resource: configMaps,
      clock,
      log: silent,
      trim: (object) => ({...object, data: {}}),
      onEvent: () => {
        throw new Error('mine');
      },
    });
    await reflector.synced;
    expect(names()).toBe('default/a default/b');
  });

  it('keeps an object that cannot be trimmed as it is, says so, and follows the others', async () => {
    server.answer((_, response) => {
      response.write(line('ADDED', configMap('bad', 1)) + line('ADDED', configMap('good', 2)));
      response.write(bookmark(5, true) + line('MODIFIED', configMap('bad', 6)));
      response.write(line('MODIFIED', configMap('good', 7, {k: 'v'})));
    });
    const said: unknown[] = [];
    start(clock, {
      log: {...silent, error: (message, fields) => said.push([message, fields?.object])},
      trim: (object) => {
        if (object.metadata.name === 'bad') throw new TypeError('no such thing');
        return {...object, data: {trimmed: 'yes'}};
      },
    });
    await expect
      .poll(() => told, patience)
      .toEqual(['added bad@1', 'added good@2', 'synced', 'modified bad@6', 'modified good@7']);
    expect(reflector.store.get('default/good')?.data).toEqual({trimmed: 'yes'});
    expect(said).toEqual(Array(2).fill(['an object could not be trimmed', 'default/bad']));
    expect(watches()).toHaveLength(1);
  });

  it('says once what the server refuses, and again after it was allowed in between', async () => {
    const said: unknown[] = [];
    let allowed = false;
    server.answer((_, response) => {
      if (allowed) response.end(line('ADDED', configMap('a', 1)) + bookmark(5, true));
      else response.writeHead(403).end(JSON.stringify(status(403, 'Forbidden', 'not for you')));
    });
    start(clock, {log: {...silent, warn: (_, fields) => said.push(fields?.resource)}});
    await expect.poll(() => server.seen.length, patience).toBeGreaterThan(3);
    expect(said).toEqual(['configmaps']);
    expect(reflector.failing()).toMatchObject({error: {httpCode: 403}, forMs: expect.any(Number)});
    allowed = true;
    await reflector.synced;
    allowed = false;
    await expect.poll(() => said, patience).toEqual(['configmaps', 'configmaps']);
  });
});

function metadataOf(name: string, resourceVersion: number): object {
  return {name, namespace: 'default', resourceVersion: String(resourceVersion)};
}
