import {afterEach, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {connectKube} from '../../../src/edges/kube/http-client.ts';
import {startApiSource} from '../../../src/kubelet/sources/api.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import {bookmark, line, scriptedServer} from '../edges/kube/scripted-server.ts';
import {pod} from './pod/fixtures.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function made(name: string, at: number, resourceVersion: number): Pod {
  const {metadata, ...rest} = pod({}, {name, uid: name, resourceVersion: String(resourceVersion)});
  return {...rest, metadata: {...metadata, creationTimestamp: `2026-11-21T00:00:0${at}Z`}};
}

/** kubelet.go, HandlePodAdditions: where there is no room for all of them, the older are admitted. */
it('tells the pods that are there in the order in which they were made, and the others as they come', async () => {
  const server = await scriptedServer();
  server.answer((_, response) => {
    for (const [name, at] of Object.entries({a: 3, b: 1, c: 2}))
      response.write(line('ADDED', made(name, at, at)));
    response.write(bookmark(5, true));
    response.write(line('ADDED', made('e', 9, 6)) + line('ADDED', made('d', 8, 7)));
  });
  const client = connectKube(server.connection);
  const told: string[] = [];
  const source = startApiSource({
    client,
    nodeName: 'node-1',
    clock: realClock,
    log: silent,
    onEvent: ({type, pod: {metadata}}) => told.push(`${type} ${metadata.name}`),
    onSynced: () => told.push('synced'),
  });
  ends.push(
    () => source.stop(),
    () => client.close(),
    () => server.close(),
  );
  await expect
    .poll(() => told, {timeout: 8_000})
    .toEqual(['added b', 'added c', 'added a', 'synced', 'added e', 'added d']);
});
