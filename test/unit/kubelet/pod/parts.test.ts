import {describe, expect, it} from 'vitest';
import {qosClass} from '../../../../src/config/pod/qos.ts';
import {CrashBackoffs} from '../../../../src/kubelet/pod/actions/crash-backoff.ts';
import {containerHash} from '../../../../src/kubelet/pod/actions/hash.ts';
import {goDuration} from '../../../../src/kubelet/pod/actions/waiting.ts';
import {cgroupParent, podCgroupPath} from '../../../../src/kubelet/pod/config/resources/cgroup-names.ts';
import {isFollowed, isUrgent, statusPatch} from '../../../../src/kubelet/pod/status/status-patch.ts';
import type {PodStatus} from '../../../../src/lib/kubernetes.ts';

describe('the container hash', () => {
  it('is the one of Kubernetes (pkg/kubelet/container/container_hash_test.go)', () => {
    expect(containerHash({name: 'test_container', image: 'foo/image:v1'})).toBe('8e45cbd0');
  });
});

describe('the crash back-off', () => {
  it('lets the first restart be at once, then doubles from each end', () => {
    const backoffs = new CrashBackoffs(300_000);
    expect(backoffs.waits('a', 0, 0)).toBeUndefined();
    const delays: number[] = [];
    let at = 0;
    for (let round = 0; round < 7; round++) {
      backoffs.restarted('a', at);
      const waits = backoffs.waits('a', at, at);
      delays.push(waits?.remainingMs ?? 0);
      at += waits?.remainingMs ?? 0;
    }
    expect(delays).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  });

  it('is over when its time is', () => {
    const backoffs = new CrashBackoffs(300_000);
    backoffs.restarted('a', 0);
    expect(backoffs.waits('a', 5_000, 14_999)?.remainingMs).toBe(1);
    expect(backoffs.waits('a', 5_000, 15_000)).toBeUndefined();
  });

  it('begins anew after a long good run', () => {
    const backoffs = new CrashBackoffs(300_000);
    backoffs.restarted('a', 0);
    expect(backoffs.waits('a', 600_001, 600_002)).toBeUndefined();
    backoffs.restarted('a', 600_002);
    expect(backoffs.waits('a', 600_003, 600_003)?.delayMs).toBe(10_000);
  });

  /** kubelet.go: ten minutes whatever the longest wait is, and housekeeping forgets what was started before that. */
  it.each([2_000, 60_000, 300_000])(
    'is forgotten ten minutes after the start, with waits of %d ms',
    (max) => {
      const backoffs = new CrashBackoffs(max);
      for (let round = 0; round < 9; round++) backoffs.restarted('a', 0);
      expect(backoffs.waits('a', 590_000, 590_000)).toEqual({
        delayMs: max,
        remainingMs: Math.min(max, 10_000),
      });
      expect(backoffs.waits('a', 590_000, 600_000)).toBeUndefined();
      backoffs.restarted('a', 600_000);
      expect(backoffs.waits('a', 600_001, 600_001)?.delayMs).toBe(Math.min(max, 10_000));
    },
  );

  it('never waits longer than its delay when a clock was set back', () => {
    const backoffs = new CrashBackoffs(300_000);
    backoffs.restarted('a', 1_000_000);
    expect(backoffs.waits('a', 1_000_000, 10)?.remainingMs).toBe(10_000);
  });
});

type Conditions = NonNullable<PodStatus['conditions']>;

describe('the status patch', () => {
  const condition = {type: 'Ready', status: 'True', lastTransitionTime: 'x'};

  it('is nothing when nothing differs', () => {
    const status = {phase: 'Running', conditions: [condition], containerStatuses: []};
    expect(statusPatch(status, structuredClone(status))).toBeUndefined();
  });

  it('holds only what differs, and nulls a reason that is gone', () => {
    const base = {phase: 'Failed', reason: 'Evicted', hostIP: '1.1.1.1'};
    expect(statusPatch(base, {phase: 'Running', hostIP: '1.1.1.1'})).toEqual({
      phase: 'Running',
      reason: null,
    });
  });

  it('leaves other writers’ conditions and fields alone', () => {
    const base = {conditions: [{type: 'other', status: 'True'}], resize: 'x'};
    expect(statusPatch(base, {conditions: [condition]})).toEqual({conditions: [condition]});
  });

  describe('of others’ conditions (TestMergePodStatus)', () => {
    const ours = {type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet'};
    const theirs = {...ours, reason: 'EvictionByEvictionAPI'};
    const gate = {type: 'example.com/feature', status: 'True'};
    const running = (...conditions: Conditions) => ({
      phase: 'Running',
      conditions: [condition, ...conditions],
    });
    const failed = (...conditions: Conditions) => ({phase: 'Failed', conditions: [condition, ...conditions]});
    it.each<[string, PodStatus, PodStatus, object | undefined]>([
      ['adds the disruption with the end', running(), failed(ours), {phase: 'Failed', conditions: [ours]}],
      ['adds no disruption to what runs', running(), running(ours), undefined],
      ['leaves a disruption', running(ours), running(), undefined],
      ['tells its own at the end', running(theirs), failed(ours), {phase: 'Failed', conditions: [ours]}],
      ['leaves another’s while it runs', running(theirs), running(ours), undefined],
      ['takes no disruption back', running({...ours, status: 'False'}), running(ours), undefined],
      ['leaves what it does not know', running(gate), running(), undefined],
      ['undoes nothing by an older sight', running(gate), running({...gate, status: 'False'}), undefined],
    ])('%s', (_, base, wanted, expected) => {
      expect(statusPatch(base, wanted)).toEqual(expected);
    });
  });

  it('takes the reason of a condition away with the reason itself', () => {
    const base = {conditions: [{...condition, status: 'False', reason: 'ContainersNotReady', message: 'm'}]};
    expect(statusPatch(base, {conditions: [condition]})).toEqual({
      conditions: [{...condition, reason: null, message: null}],
    });
  });

  it('names addresses that shall not stay, because the API merges them', () => {
    const base = {podIP: '10.0.0.1', podIPs: [{ip: '10.0.0.1'}]};
    expect(statusPatch(base, {podIP: '10.0.0.2', podIPs: [{ip: '10.0.0.2'}]})).toEqual({
      podIP: '10.0.0.2',
      podIPs: [{ip: '10.0.0.2'}, {$patch: 'delete', ip: '10.0.0.1'}],
    });
  });

  it('is urgent for readiness, phases and ends', () => {
    const waiting = {phase: 'Pending', conditions: [{...condition, status: 'False'}]};
    expect(isUrgent(waiting, {phase: 'Pending', conditions: [condition]})).toBe(true);
    expect(isUrgent(waiting, {...waiting, podIP: '10.0.0.1'})).toBe(false);
    expect(isUrgent(waiting, {...waiting, phase: 'Running'})).toBe(true);
  });
});

describe('what is followed by more', () => {
  const network = {type: 'PodReadyToStartContainers', status: 'True'};

  it.each([
    [
      'the network of a pod that starts',
      'Pending',
      {podIP: '10.0.0.1', podIPs: [], conditions: [network]},
      true,
    ],
    ['an address alone', 'Pending', {podIP: '10.0.0.1'}, true],
    ['that of a pod that runs', 'Running', {podIP: '10.0.0.1'}, false],
    ['a container that waits', 'Pending', {podIP: '10.0.0.1', containerStatuses: []}, false],
    ['the end of its init containers', 'Pending', {conditions: [network, {type: 'Initialized'}]}, false],
  ])('%s', (_, phase, patch, followed) => {
    expect(isFollowed({phase}, patch)).toBe(followed);
  });
});

describe('cgroup names', () => {
  it.each([
    ['cgroupfs', '', 'Burstable', '/kubepods/burstable/poda-b'],
    ['cgroupfs', '/root', 'Guaranteed', '/root/kubepods/poda-b'],
    [
      'systemd',
      '',
      'BestEffort',
      '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-poda_b.slice',
    ],
    ['systemd', '', 'Guaranteed', '/kubepods.slice/kubepods-poda_b.slice'],
    // A dash would be another level.
    ['systemd', '/node-1', 'Guaranteed', '/node_1.slice/node_1-kubepods.slice/node_1-kubepods-poda_b.slice'],
  ] as const)('%s below %s: %s', (driver, root, qos, path) => {
    expect(podCgroupPath(driver, root, qos, 'a-b')).toBe(path);
  });

  it('tells systemd only the slice', () => {
    expect(cgroupParent('systemd', '/kubepods.slice/kubepods-poda_b.slice')).toBe('kubepods-poda_b.slice');
  });
});

describe('the class', () => {
  const of = (resources: object) => qosClass({containers: [{name: 'a', resources}]});
  it.each([
    ['BestEffort', {}],
    ['BestEffort', {requests: {cpu: '0'}}],
    ['Burstable', {requests: {cpu: '1'}}],
    ['Burstable', {limits: {cpu: '1'}}],
    ['Guaranteed', {limits: {cpu: '1', memory: '1Gi'}}],
    ['Guaranteed', {limits: {cpu: '1', memory: '1Gi'}, requests: {cpu: '1000m', memory: '1024Mi'}}],
    ['Burstable', {limits: {cpu: '1', memory: '1Gi'}, requests: {cpu: '500m', memory: '1Gi'}}],
  ])('is %s for %j', (expected, resources) => {
    expect(of(resources)).toBe(expected);
  });

  it.each([
    ['BestEffort', {}],
    ['BestEffort', {requests: {'hugepages-2Mi': '2Mi'}}],
    ['Guaranteed', {limits: {cpu: '1', memory: '1Gi'}}],
  ])('is %s for a pod with %j as a whole, whatever its containers have', (expected, resources) => {
    expect(qosClass({resources, containers: [{name: 'a', resources: {requests: {cpu: '1'}}}]})).toBe(
      expected,
    );
  });
});

it('prints durations as Go does', () => {
  expect([10_000, 80_000, 300_000].map(goDuration)).toEqual(['10s', '1m20s', '5m0s']);
});
