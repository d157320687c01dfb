import {readdirSync, readFileSync, statSync} from 'node:fs';
import {dirname} from 'node:path';
import {gunzipSync} from 'node:zlib';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {startImageCollector} from '../../../src/kubelet/images/collector.ts';
import {RuntimeCache} from '../../../src/kubelet/runtime/cache.ts';
import {sendLogs} from '../../../src/kubelet/server/logs/logs.ts';
import {silent} from '../../../src/lib/log.ts';
import {busyboxImage, importImage, pauseImage} from '../support/images.ts';
import {until} from '../support/wait.ts';
import {isReady, shell, sleeper, startNode, type TestNode} from './harness.ts';

let node: TestNode;
beforeAll(async () => {
  const config = {containerLogMaxSize: '2Ki', containerLogMaxFiles: 3, containerLogMonitorInterval: 1_000};
  node = await startNode({subnet: '10.89.13.0/24', config});
}, 60_000);
afterAll(async () => {
  await node?.stop();
});

const lines = 400;
const script = `trap "exit 0" TERM; i=0; while [ $i -lt ${lines} ]; do echo "line $i"; i=$((i+1)); usleep 10000; done; sleep 3600 & wait $!`;

describe('the log of a container', () => {
  it('is rotated while it is written, and a follower misses no line', async () => {
    await node.create('talks', {terminationGracePeriodSeconds: 1, containers: [shell('main', script)]});
    await node.waitFor('talks', 'Ready', isReady);
    const path = node.agent().logPath('default', 'talks', 'main', false) ?? '';
    const followed: string[] = [];
    const stop = new AbortController();
    const following = sendLogs({
      root: dirname(path),
      path: path.slice(dirname(path).length + 1),
      options: {follow: true, previous: false, timestamps: false, stream: 'All'},
      isRunning: () => Promise.resolve(true),
      write: (bytes) => {
        followed.push(bytes.toString());
        return Promise.resolve();
      },
      signal: stop.signal,
    });
    const rotated = () => readdirSync(dirname(path)).filter((name) => name.startsWith('0.log.'));
    await until('the last line', () => followed.join('').includes(`line ${lines - 1}\n`));
    stop.abort();
    await following;
    expect(followed.join('')).toBe(Array.from({length: lines}, (_, at) => `line ${at}\n`).join(''));
    await until('two rotated files, the older one compressed', () => {
      const names = rotated();
      return names.length === 2 && names.filter((name) => name.endsWith('.gz')).length === 1;
    });
    const old = rotated().find((name) => name.endsWith('.gz')) ?? '';
    expect(gunzipSync(readFileSync(`${dirname(path)}/${old}`)).toString()).toMatch(/stdout F line \d+\n$/);
    expect(statSync(path).size).toBeLessThan(20_000);
    await node.remove('talks');
    await node.gone('talks');
  });
});

describe('images', () => {
  it('go when the disk is full, but for those in use', async () => {
    const {cri, endpoint} = node.containerd;
    const unused = 'test.local/unused:1';
    await importImage(endpoint.replace('unix://', ''), {name: unused, files: [{path: 'a', data: 'a'}]});
    await node.create('user', {terminationGracePeriodSeconds: 1, containers: [sleeper('main')]});
    await node.waitFor('user', 'Ready', isReady);
    const names = async () => (await cri.images.listImages({})).images.flatMap(({repoTags}) => repoTags);
    await until('it is there', async () => (await names()).includes(unused));
    const runtime = new RuntimeCache({cri, timeoutMs: 5_000, onChange: () => undefined});
    await runtime.relist();
    for (const uid of runtime.uids()) await runtime.get(uid);
    const told: string[] = [];
    const collector = startImageCollector({
      config: {...node.config, imageMinimumGCAge: 0},
      cri,
      clock: realClock,
      log: silent,
      recorder: {record: (_to, _type, reason) => void told.push(reason), stop: () => Promise.resolve()},
      runtime,
      pods: () => [],
      ready: () => true,
      space: () => Promise.resolve({totalBytes: 1e12, freeBytes: 0}),
      everyMs: 100,
    });
    try {
      await until('it has gone', async () => !(await names()).includes(unused));
      await until('that it did not help', () => told.includes('FreeDiskSpaceFailed'));
      expect(await names()).toContain(busyboxImage);
      // Of each pod's own container, which no list shows: without a registry no pod could start again.
      expect(await names()).toContain(pauseImage);
    } finally {
      await collector.stop();
      await node.remove('user');
      await node.gone('user');
    }
  });
});
