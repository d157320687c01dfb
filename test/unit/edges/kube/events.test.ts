import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import {type EventRecorder, eventTarget, startEventRecorder} from '../../../../src/edges/kube/events.ts';
import {connectKube, type KubeConnectionClient} from '../../../../src/edges/kube/http-client.ts';
import {silent} from '../../../../src/lib/log.ts';
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

  it('leads on behind the words of Kubernetes, with one space also where those end with one', async () => {
    recorder.record(pod, 'Warning', 'Unhealthy', 'Liveness probe failed: ');
    recorder.record(pod, 'Warning', 'Unhealthy', 'Liveness probe failed: no');
    recorder.record(pod, 'Warning', 'Unhealthy', 'x'.repeat(2000));
    await recorder.stop();
    const more = '(nodectl explain ND755)';
    expect(bodies.map(({message}) => message)).toEqual([
      `Liveness probe failed: ${more}`,
      `Liveness probe failed: no ${more}`,
      `${'x'.repeat(1024 - 4 - more.length)}... ${more}`,
    ]);
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

  it('joins what only differs by its message once there is much of it', async () => {
    for (let at = 0; at < 13; at++) recorder.record(pod, 'Normal', 'Pulled', `number ${at}`);
    await recorder.stop();
    expect(server.seen.map((path) => path.split(' ')[0])).toEqual([
      ...Array(10).fill('POST'),
      ...Array(3).fill('PATCH'),
    ]);
    expect(bodies[9]).toMatchObject({message: '(combined from similar events): number 9', count: 1});
    expect(bodies[12]).toMatchObject({message: '(combined from similar events): number 12', count: 4});
  });

  it('goes on counting under the same name when the event was collected meanwhile', async () => {
    recorder.record(pod, 'Normal', 'Pulled', 'same');
    await expect.poll(() => bodies).toHaveLength(1);
    const collected = {kind: 'Status', reason: 'NotFound', code: 404};
    let left = 1;
    server.answer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk.toString()));
      request.on('end', () => {
        bodies.push(JSON.parse(body));
        if (left-- > 0) response.writeHead(404).end(JSON.stringify(collected));
        else response.end('{}');
      });
    });
    nowMs += 7_200_000;
    recorder.record(pod, 'Normal', 'Pulled', 'same');
    await recorder.stop();
    expect(server.seen.map((path) => path.split(' ')[0])).toEqual(['POST', 'PATCH', 'POST']);
    const {metadata} = bodies[0] ?? {};
    expect(bodies[2]).toMatchObject({
      metadata,
      count: 2,
      firstTimestamp: '2030-01-01T00:00:00Z',
      lastTimestamp: '2030-01-01T02:00:00Z',
    });
  });

  it('tries again while nobody answers, and gives up what is refused', async () => {
    let asked = 0;
    server.answer((_, response) => {
      asked++;
      if (asked <= 2) response.destroy();
      else response.writeHead(403).end('{}');
    });
    const waits: number[] = [];
    const clock = {
      ...realClock,
      after(ms: number, fn: () => void) {
        waits.push(ms);
        return realClock.after(0, fn);
      },
    };
    const patient = startEventRecorder({client, clock, log: silent, component: 'kubelet', host: 'node-a'});
    patient.record(pod, 'Normal', 'Pulled', 'late');
    await expect.poll(() => asked).toBe(3);
    await patient.stop();
    expect(asked).toBe(3);
    expect(waits).toEqual([expect.any(Number), 10_000]);
    expect(waits[0]).toBeLessThan(10_000);
  });

  it('keeps to a rate', async () => {
    const waits: number[] = [];
    const clock = {
      ...realClock,
      monotonic: () => 0,
      after(ms: number, fn: () => void) {
        waits.push(ms);
        return realClock.after(0, fn);
      },
    };
    const rate = {perSecond: 10, burst: 2};
    const slow = startEventRecorder({client, clock, log: silent, component: 'c', host: 'h', rate});
    for (let at = 0; at < 4; at++) slow.record(pod, 'Normal', 'Pulled', `number ${at}`);
    await expect.poll(() => bodies).toHaveLength(4);
    await slow.stop();
    expect(waits).toEqual([100, 200]);
  });

  it('never throws and never waits when nobody answers', async () => {
    let asked = 0;
    server.answer((_, response) => {
      asked++;
      response.destroy();
    });
    for (let at = 0; at < 20; at++) recorder.record(pod, 'Normal', `Pulled${at}`, 'lost');
    await recorder.stop();
    expect(bodies).toEqual([]);
    expect(asked).toBeLessThanOrEqual(2);
  });
});
