import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {describe, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import {checkpointName, readCheckpoint, writeCheckpoint} from '../../../../src/kubelet/dra/checkpoint.ts';
import {DraHealthCache} from '../../../../src/kubelet/dra/health.ts';
import {DynamicResources} from '../../../../src/kubelet/dra/manager.ts';
import {silent} from '../../../../src/lib/log.ts';

/** As Kubernetes' own kubelet writes it: the sum is its own. */
const theirs = `{"Data":"{\\"kind\\":\\"DRACheckpoint\\",\\"apiVersion\\":\\"checkpoint.dra.kubelet.k8s.io/v1\\",\\"ClaimInfoStateList\\":[{\\"ClaimUID\\":\\"067798be-454e-4be4-9047-1aa06aea63f7\\",\\"ClaimName\\":\\"example-1\\",\\"Namespace\\":\\"default\\",\\"PodUIDs\\":{\\"139cdb46-f989-4f17-9561-ca10cfb509a6\\":{}},\\"DriverState\\":{\\"test-driver.cdi.k8s.io\\":{\\"Devices\\":[{\\"PoolName\\":\\"worker-1\\",\\"DeviceName\\":\\"dev-1\\",\\"ShareID\\":null,\\"RequestNames\\":[\\"test request\\"],\\"CDIDeviceIDs\\":[\\"example.com/example=cdi-example\\"]}]}}},{\\"ClaimUID\\":\\"4cf8db2d-06c0-7d70-1a51-e59b25b2c16c\\",\\"ClaimName\\":\\"example-2\\",\\"Namespace\\":\\"default\\",\\"PodUIDs\\":{\\"139cdb46-f989-4f17-9561-ca10cfb509a6\\":{}},\\"DriverState\\":{\\"test-driver.cdi.k8s.io\\":{\\"Devices\\":[{\\"PoolName\\":\\"worker-1\\",\\"DeviceName\\":\\"dev-2\\",\\"ShareID\\":null,\\"RequestNames\\":null,\\"CDIDeviceIDs\\":null}]}}}]}","Checksum":2820117767}`;

describe('the file of claims', () => {
  it('of Kubernetes’ own kubelet is read', () => {
    const [first, second] = readCheckpoint(theirs);
    expect(first).toEqual({
      uid: '067798be-454e-4be4-9047-1aa06aea63f7',
      name: 'example-1',
      namespace: 'default',
      pods: new Set(['139cdb46-f989-4f17-9561-ca10cfb509a6']),
      drivers: new Map([
        [
          'test-driver.cdi.k8s.io',
          [
            {
              pool: 'worker-1',
              device: 'dev-1',
              requests: ['test request'],
              cdiDevices: ['example.com/example=cdi-example'],
            },
          ],
        ],
      ]),
      prepared: false,
    });
    expect(second?.drivers.get('test-driver.cdi.k8s.io')).toEqual([
      {pool: 'worker-1', device: 'dev-2', requests: [], cdiDevices: []},
    ]);
  });

  it('is written as Kubernetes would, byte by byte', () => {
    const [first] = readCheckpoint(theirs);
    const again = writeCheckpoint(first === undefined ? [] : [first]);
    const {Data} = JSON.parse(theirs);
    expect(JSON.parse(again).Data).toBe(`${Data.slice(0, Data.indexOf(',{"ClaimUID":"4cf'))}]}`);
    expect(readCheckpoint(again)).toEqual([first]);
  });

  it('is refused when it is damaged', () => {
    expect(() => readCheckpoint(theirs.replace('example-1', 'example-3'))).toThrow('checkpoint is corrupted');
    expect(() => readCheckpoint('{')).toThrow();
  });
});

describe('claims of pods that are gone', () => {
  it('are each given back, though the driver of one of them is away', async () => {
    const rootDir = await mkdtemp(`${tmpdir()}/nodectl-dra-`);
    const claim = (name: string, drivers: readonly string[]) => ({
      uid: name,
      name,
      namespace: 'default',
      pods: new Set([`pod-of-${name}`]),
      drivers: new Map(drivers.map((driver) => [driver, []] as const)),
      prepared: true,
    });
    await writeFile(`${rootDir}/${checkpointName}`, writeCheckpoint([claim('a', ['away']), claim('b', [])]));
    const said: unknown[] = [];
    const resources = await DynamicResources.start({
      config: {rootDir, nodeName: 'n1'},
      client: {} as unknown as KubeClient,
      clock: realClock,
      log: {...silent, warn: (_text, fields) => said.push(fields)},
      node: () => undefined,
      onPods: () => undefined,
    });
    await resources.collect(new Set());
    expect([resources.holds('pod-of-a'), resources.holds('pod-of-b')]).toEqual([true, false]);
    expect(said).toMatchObject([{uid: 'pod-of-a', error: expect.stringContaining('away is not registered')}]);
    await resources.stop();
    await rm(rootDir, {recursive: true});
  });
});

describe('the health of devices', () => {
  const device = {pool: 'p', device: 'd'};
  const told = (health: 'Healthy' | 'Unhealthy', timeoutSeconds = 0, message = '') => [
    {...device, health, timeoutSeconds, message},
  ];

  it('is what the driver said last, as long as that holds', () => {
    const cache = new DraHealthCache();
    expect(cache.of('x', device, 0).health).toBe('Unknown');
    expect(cache.update('x', told('Healthy'), 0)).toHaveLength(1);
    expect(cache.update('x', told('Healthy'), 1_000)).toEqual([]);
    expect(cache.of('x', device, 31_000).health).toBe('Healthy');
    expect(cache.of('x', device, 31_001).health).toBe('Unknown');
    expect(cache.of('y', device, 1_000).health).toBe('Unknown');
  });

  it('holds as long as the driver says', () => {
    const cache = new DraHealthCache();
    cache.update('x', told('Unhealthy', 100, 'too hot'), 0);
    expect(cache.of('x', device, 99_000)).toMatchObject({health: 'Unhealthy', message: 'too hot'});
    expect(cache.of('x', device, 101_000)).toMatchObject({health: 'Unknown', message: ''});
  });

  it('changes by another word, and by none at all', () => {
    const cache = new DraHealthCache();
    cache.update('x', told('Healthy'), 0);
    expect(cache.update('x', told('Unhealthy', 0, 'a'), 1)).toHaveLength(1);
    expect(cache.update('x', told('Unhealthy', 0, 'b'), 2)).toHaveLength(1);
    expect(cache.update('x', [], 40_000)).toMatchObject([{...device, health: 'Unknown'}]);
    expect(cache.update('x', [], 80_000)).toEqual([]);
    cache.update('x', told('Healthy'), 80_000);
    expect(cache.forget('x')).toMatchObject([device]);
    expect(cache.forget('x')).toEqual([]);
    expect(cache.of('x', device, 80_000).health).toBe('Unknown');
  });
});
