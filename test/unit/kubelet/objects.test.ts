import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {connectKube, type KubeConnectionClient} from '../../../src/edges/kube/http-client.ts';
import {type ObjectSource, startObjectSource} from '../../../src/kubelet/api/objects.ts';
import {silent} from '../../../src/lib/log.ts';
import {
  bookmark,
  configMap,
  line,
  type Response,
  type ScriptedServer,
  scriptedServer,
  status,
} from '../edges/kube/scripted-server.ts';

/** util/manager/watch_based_manager_test.go, by its meaning: one watch for each object that pods of this node use. */
describe('ConfigMaps and Secrets of pods', () => {
  let server: ScriptedServer;
  let client: KubeConnectionClient;
  let source: ObjectSource;
  let told: string[];
  let watches: {readonly path: string; readonly response: Response; open: boolean}[];

  beforeEach(async () => {
    server = await scriptedServer();
    client = connectKube(server.connection);
    [told, watches] = [[], []];
    server.answer((request, response, {searchParams}) => {
      const name = searchParams.get('fieldSelector')?.replace('metadata.name=', '') ?? '';
      if (name === 'forbidden')
        return void response.writeHead(403).end(JSON.stringify(status(403, 'Forbidden', 'not yours')));
      const one = {path: request.url ?? '', response, open: true};
      watches.push(one);
      response.on('close', () => {
        one.open = false;
      });
      if (name !== 'absent') response.write(line('ADDED', object(name, 1)));
      response.write(bookmark(5, true));
    });
    source = startObjectSource({
      client,
      clock: realClock,
      log: silent,
      onChange: (uids, {name}) => told.push(`${name}: ${uids.join(' ')}`),
    });
  });
  afterEach(async () => {
    await source.stop();
    await client.close();
    await server.close();
  });

  const object = (name: string, version: number, immutable = name === 'fixed') => ({
    ...configMap(name, version, {version: String(version)}),
    immutable,
  });
  const uses = (uid: string, ...names: string[]) =>
    source.use(
      uid,
      names.map((name) => ({kind: 'ConfigMap', namespace: 'default', name})),
    );
  const read = async (uid: string, name: string) =>
    (await source.configMap(uid, 'default', name))?.data?.version;
  const open = () =>
    watches.filter((one) => one.open).map(({path}) => /name%3D(\w+)|name=(\w+)/.exec(path)?.[1]);

  it('are asked for one by one, once for all pods that use one', async () => {
    uses('a', 'first', 'second');
    uses('b', 'first');
    expect(await Promise.all([read('a', 'first'), read('b', 'first'), read('a', 'second')])).toEqual([
      '1',
      '1',
      '1',
    ]);
    expect(open().sort()).toEqual(['first', 'second']);
    expect(told).toEqual([]);
  });

  it('are followed as long as one pod uses them, however often it says so', async () => {
    for (const uid of ['a', 'a', 'b']) uses(uid, 'first');
    await read('a', 'first');
    source.release('a');
    source.release('a');
    source.release('nobody');
    watches[0]?.response.write(line('MODIFIED', object('first', 6)));
    await expect.poll(() => told).toEqual(['first: b']);
    expect(await read('b', 'first')).toBe('6');
    source.release('b');
    await expect.poll(open).toEqual([]);
  });

  it('are not followed where they are immutable, or become it, and known all the same', async () => {
    uses('a', 'fixed', 'late');
    expect([await read('a', 'fixed'), await read('a', 'late')]).toEqual(['1', '1']);
    await expect.poll(open).toEqual(['late']);
    const late = watches.find(({path}) => path.includes('late'));
    late?.response.write(line('MODIFIED', object('late', 6, true)));
    await expect.poll(open).toEqual([]);
    expect([await read('a', 'fixed'), await read('b', 'late')]).toEqual(['1', '6']);
    expect(watches).toHaveLength(2);
  });

  it('are what they are now where nobody used them in between', async () => {
    uses('a', 'fixed');
    await read('a', 'fixed');
    source.release('a');
    uses('b', 'fixed');
    await read('b', 'fixed');
    expect(watches).toHaveLength(2);
  });

  it('may be missing until they are made, or be refused, which is told at once', async () => {
    uses('a', 'absent');
    expect(await read('a', 'absent')).toBeUndefined();
    watches[0]?.response.write(line('ADDED', object('absent', 6)));
    await expect.poll(() => told).toEqual(['absent: a']);
    expect(await read('a', 'absent')).toBe('6');
    await expect(read('a', 'forbidden')).rejects.toThrow('not yours');
  });
});
