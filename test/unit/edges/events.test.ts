import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {type EventRecorder, eventTarget, startEventRecorder} from '../../../src/edges/kube/events.ts';
import {connectKube, type KubeConnectionClient} from '../../../src/edges/kube/http-client.ts';
import {silent} from '../../../src/lib/log.ts';
import {type ScriptedServer, scriptedServer} from './scripted-server.ts';

describe('the event recorder', () => {
  let server: ScriptedServer;
  let client: KubeConnectionClient;
  let recorder: EventRecorder;
  let nowMs = 0;
  let bodies: {name?: string; count?: number; [key: string]: unknown}[] = [];
  const pod = eventTarget(
    {apiVersion: 'v1', kind: 'Pod', metadata: {name: 'web', namespace: 'ns', uid: 'u', resourceVersion: '1'}},
    'spec.containers{app}',
  );

  beforeEach(async () => {
    server = await scriptedServer();
    client = connectKube(server.connection);
    nowMs = Date.UTC(2030, 0, 1);
    bodies = [];
    server.answer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        bodies.push(JSON.parse(body));
        response.end('{}');
      });
    });
    const clock = {...realClock, now: () => nowMs};
    recorder = startEventRecorder({client, clock, log: silent, component: 'kubelet', host: 'node-a'});
  });
  afterEach(async () => {
    await recorder.stop();
    await client.close();
    await server.close();
  });

  it('writes core/v1 events about a part of an object', async () => {
    recorder.record(pod, 'Warning', 'BackOff', 'Back-off restarting');
    await recorder.stop();
    expect(server.seen).toEqual(['POST /api/v1/namespaces/ns/events']);
    expect(bodies[0]).toMatchObject({
      metadata: {name: expect.stringMatching(/^web\.[0-9a-f]{16}$/), namespace: 'ns'},
      involvedObject: {
        kind: 'Pod',
        name: 'web',
        namespace: 'ns',
        uid: 'u',
        fieldPath: 'spec.containers{app}',
      },
      type: 'Warning',
      reason: 'BackOff',
      source: {component: 'kubelet', host: 'node-a'},
      firstTimestamp: '2030-01-01T00:00:00Z',
      count: 1,
    });
  });

  it('counts equal events in one object', async () => {
    for (let at = 0; at < 3; at++) {
      recorder.record(pod, 'Normal', 'Pulled', 'same');
      nowMs += 1000;
    }
    await recorder.stop();
    expect(server.seen.map((path) => path.split(' ')[0])).toEqual(['POST', 'PATCH', 'PATCH']);
    expect(bodies[2]).toEqual({count: 3, lastTimestamp: '2030-01-01T00:00:02Z', message: 'same'});
  });

  it('lets one object say only so much', async () => {
    for (let at = 0; at < 60; at++) recorder.record(pod, 'Normal', 'Pulled', `number ${at}`);
    recorder.record({kind: 'Node', name: 'node-a'}, 'Normal', 'Starting', 'another object');
    await recorder.stop();
    expect(bodies).toHaveLength(26);
    expect(bodies.at(-1)).toMatchObject({metadata: {namespace: 'default'}, involvedObject: {kind: 'Node'}});
  });

  it('never throws and never waits when nobody answers', async () => {
    await server.close();
    recorder.record(pod, 'Normal', 'Pulled', 'lost');
    await recorder.stop();
    expect(bodies).toEqual([]);
  });
});
