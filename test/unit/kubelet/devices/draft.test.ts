import {expect, it} from 'vitest';
import {DeviceDraft} from '../../../../src/kubelet/devices/draft.ts';
import {Ledger} from '../../../../src/kubelet/devices/ledger.ts';
import {DevicePlugins} from '../../../../src/kubelet/devices/plugins.ts';
import {noNode} from '../../../../src/kubelet/devices/types.ts';
import type {Container, Pod} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';
import type {Clock} from '../../../../src/lib/time.ts';

const clock: Clock = {now: () => 0, monotonic: () => 0, after: () => () => undefined};
const anywhere = {affinity: undefined, preferred: true};
const grant = {envs: {}, mounts: [], devices: [], annotations: {}, cdiDevices: []};

/** `known`: an earlier kubelet had a plugin for it, which has not come back. */
function allocate(resource: string, wanted: number, had: readonly string[], known: boolean): Promise<void> {
  const container: Container = {name: 'c', resources: {limits: {[resource]: String(wanted)}}};
  const pod: Pod = {
    metadata: {name: 'p', namespace: 'default', uid: 'u', resourceVersion: '1'},
    spec: {containers: [container]},
  };
  const plugins = new DevicePlugins({clock, log: silent, onChange: () => undefined});
  if (known) plugins.remember(resource);
  const uses = had.length === 0 ? [] : [{uid: 'u', container: 'c', resource, byNode: {[noNode]: had}, grant}];
  const draft = new DeviceDraft({
    pod,
    plugins,
    ledger: new Ledger(uses),
    numaNodes: [0],
    commit: async () => undefined,
    clock,
    onGranted: () => undefined,
  });
  return draft.allocate(container, anywhere);
}

/** By meaning devicemanager/manager_test.go, TestPodContainerDeviceToAllocate. */
it.each<[string, string, number, string[], boolean, string]>([
  [
    'a pod of before whose plugin has not come',
    'domain1.com/resource1',
    2,
    ['dev1', 'dev2'],
    true,
    'no healthy devices present; cannot allocate unhealthy devices domain1.com/resource1',
  ],
  [
    'a new pod whose plugin has not come',
    'domain1.com/resource1',
    1,
    [],
    true,
    'no healthy devices present; cannot allocate unhealthy devices domain1.com/resource1',
  ],
  [
    'a pod of before whose resource nobody knows',
    'domain2.com/resource2',
    1,
    ['dev5'],
    false,
    'cannot allocate unregistered device domain2.com/resource2',
  ],
  [
    'a pod that asks for another number than it has',
    'domain1.com/resource1',
    3,
    ['dev1'],
    true,
    'pod "u" container "c" changed request for resource "domain1.com/resource1" from 1 to 3',
  ],
])('refuses %s', async (_, resource, wanted, had, known, message) => {
  await expect(allocate(resource, wanted, had, known)).rejects.toThrow(message);
});

it('leaves resources alone that no plugin ever spoke for', async () => {
  await expect(allocate('example.com/others', 1, [], false)).resolves.toBeUndefined();
});
