import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {asArguments} from '../../../src/edges/nftables/statements-file.ts';
import {service, slice} from '../../unit/proxy/support/objects.ts';
import {createNetns, type Netns} from '../support/netns.ts';
import {RunningProxy, StubApi} from './support/running.ts';

/** What is waited for under load; each takes a second or two on an idle machine. */
const bound = {timeout: 60_000, interval: 50};
const vip = '10.97.0.10';

let netns: Netns;
let api: StubApi;
let proxy: RunningProxy;

beforeEach(async () => {
  netns = await createNetns('ndf');
  api = await StubApi.start(netns);
  await api.put('services', web('a/web', vip));
  await api.put('endpointslices', endpoints('10.64.1.1'));
});

afterEach(async ({task}) => {
  if (task.result?.state === 'fail') console.log(proxy?.log.slice(-4000));
  await proxy?.stop();
  await api?.stop();
  await netns?.remove();
});

function web(key: string, clusterIP: string): object {
  return service(key, {clusterIP, ports: [{name: 'p', protocol: 'TCP', port: 80}]});
}

function endpoints(ip: string): object {
  return slice({service: 'a/web', ports: [{name: 'p', port: 8080}], endpoints: [{ip}]});
}

/** Where the kernel sends a connection to the Service. */
async function target(address = vip): Promise<string> {
  const key = `{ ${address} . 80 . 0 }`;
  const {stdout} = await netns.run(
    'nft',
    ['get', 'element', 'ip', 'nodectl-proxy', 'service-cluster-tcp', key],
    {okCodes: [0, 1]},
  );
  return /: (\S+) \. 8080/.exec(stdout)?.[1] ?? '';
}

async function begin(): Promise<void> {
  proxy = await RunningProxy.start({netns, apiPort: api.port});
  await expect.poll(() => target(), bound).toBe('10.64.1.1');
}

/** The connections end, what comes next is wrong, and the world changes meanwhile. */
async function misbehave(how: string, times: number): Promise<void> {
  await api.misbehave(how, times);
  await api.drop();
  await api.put('endpointslices', endpoints('10.64.1.2'));
}

describe('an API server that misbehaves is followed again, and takes no Service away', () => {
  it.each([
    ['row 17: a conflict (409)', '409', 3],
    ['row 18: its history is gone (410)', 'gone', 3],
    ['row 19: too many requests (429 with Retry-After)', '429', 3],
    ['row 19: an overloaded server (503)', '503', 3],
    ['row 20: a server in trouble (500)', '500', 3],
    ['row 20: a sign-in page in HTML', 'html', 4],
    ['row 21: a watch that is cut in the middle of a line', 'half a line', 4],
    ['row 23: a list that breaks off', 'half a list', 4],
  ])('%s', async (_name, how, times) => {
    await begin();
    const seen = new Set<string>();
    await misbehave(how, times);
    await expect
      .poll(async () => {
        const now = await target();
        seen.add(now);
        return now;
      }, bound)
      .toBe('10.64.1.2');
    // The old target, then the new one, and at no time none.
    expect([...seen].filter((ip) => ip !== '10.64.1.1' && ip !== '10.64.1.2')).toEqual([]);
  });
});

describe('an API server that is silent', () => {
  it('row 22: its connections frozen, the rules are repaired by what is known, and followed when it goes on', async () => {
    await begin();
    api.freeze();
    await netns.run('nft', ['flush', 'ruleset']);
    await expect.poll(() => target(), bound).toBe('10.64.1.1');
    api.thaw();
    await api.put('endpointslices', endpoints('10.64.1.2'));
    await expect.poll(() => target(), bound).toBe('10.64.1.2');
  });
});

describe('a proxy that dies or is interfered with', () => {
  it('row 7: killed in the middle of commits, its rules serve, and the next one goes on from them', async () => {
    await begin();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 40; i++) void api.put('services', web(`b/s${i}`, `10.97.${round + 1}.${i}`));
      await proxy.end('SIGKILL');
      expect(await target()).toBe('10.64.1.1');
      proxy.restart();
    }
    await api.put('endpointslices', endpoints('10.64.1.3'));
    await expect.poll(() => target(), bound).toBe('10.64.1.3');
  });

  it('row 31: its chains flushed, its maps emptied, its table deleted: whole again', async () => {
    await begin();
    for (const damage of [
      'flush chain ip nodectl-proxy dispatch',
      'flush map ip nodectl-proxy services',
      'delete table ip nodectl-proxy',
      'flush ruleset',
    ]) {
      const whole = (await netns.run('nft', ['-s', 'list', 'table', 'ip', 'nodectl-proxy'])).stdout;
      await netns.run('nft', [damage]);
      await expect
        .poll(async () => {
          const {stdout} = await netns.run('nft', ['-s', 'list', 'table', 'ip', 'nodectl-proxy'], {
            okCodes: [0, 1],
          });
          return sorted(stdout);
        }, bound)
        .toEqual(sorted(whole));
    }
  });

  it('row 32: rules of others are byte for byte the same after a thousand changes', async () => {
    const foreign = Array.from({length: 500}, (_, i) => `add rule ip KUBE-like c tcp dport ${i + 1} accept`);
    const made = ['add table ip KUBE-like', 'add chain ip KUBE-like c', ...foreign];
    await netns.run('nft', asArguments(made));
    for (let i = 0; i < 10; i++)
      await netns.run('iptables-nft', [
        '-t',
        'nat',
        '-A',
        'POSTROUTING',
        '-s',
        `10.1.0.${i}`,
        '-j',
        'ACCEPT',
      ]);
    const others = async () => {
      const tables = [
        ['ip', 'KUBE-like'],
        ['ip', 'nat'],
      ];
      const listed = await Promise.all(tables.map((at) => netns.run('nft', ['-a', 'list', 'table', ...at])));
      return listed.map(({stdout}) => stdout).join('\n');
    };
    const before = await others();
    await begin();
    for (let i = 0; i < 1_000; i++)
      await api.put('endpointslices', endpoints(`10.64.${2 + (i >> 8)}.${i & 255}`));
    await expect.poll(() => target(), bound).toBe('10.64.5.231');
    expect(await others()).toBe(before);
    await proxy.end('SIGTERM');
    expect(await proxy.cleanup()).toBe(0);
    expect(await others()).toBe(before);
  });

  it('row 33: somebody changes nftables all the time, and our nft dies meanwhile', async () => {
    await begin();
    let over = false;
    const loop = (async () => {
      for (let i = 0; !over; i++) {
        await netns.run('nft', [`add table ip noise${i % 5}`]);
        await netns.run('nft', [`delete table ip noise${i % 5}`]);
      }
    })();
    for (let i = 0; i < 50; i++) await api.put('endpointslices', endpoints(`10.64.7.${i}`));
    await expect.poll(() => target(), bound).toBe('10.64.7.49');
    // Its nft child ends in the middle: the next commit has another.
    await proxy.killChildren();
    await api.put('endpointslices', endpoints('10.64.7.99'));
    await expect.poll(() => target(), bound).toBe('10.64.7.99');
    over = true;
    await loop;
  });
});

/** Which element comes first is the kernel's. */
function sorted(listing: string): string[] {
  return listing
    .split('\n')
    .map((line) => line.trim())
    .sort();
}
