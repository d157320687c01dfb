import {describe, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import {type Condition, judgeConditions} from '../../../../src/kubelet/node/conditions.ts';
import {defaultLabels, metadataPatch} from '../../../../src/kubelet/node/labels.ts';

/** By meaning the tables of pkg/kubelet/nodestatus/setters_test.go. */
const [before, now] = ['2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z'];
const calm = {memory: false, disk: false, pid: false};

function had(type: string, status: string): Condition {
  return {type, status, reason: 'x', message: 'x', lastHeartbeatTime: before, lastTransitionTime: before};
}

describe('Ready', () => {
  const posting = 'kubelet is posting ready status';
  it.each<
    [
      what: string,
      problems: string[],
      known: string | undefined,
      status: string,
      message: string,
      since: string,
      event?: string,
    ]
  >([
    ['new, ready', [], undefined, 'True', posting, now],
    ['new, storage errors', ['some storage error'], undefined, 'False', 'some storage error', now],
    ['new, shutdown', ['node is shutting down'], undefined, 'False', 'node is shutting down', now],
    ['new, two errors', ['runtime', 'network'], undefined, 'False', '[runtime, network]', now],
    ['new, one error twice', ['runtime', 'runtime'], undefined, 'False', 'runtime', now],
    ['to ready', [], 'False', 'True', posting, now, 'NodeReady'],
    ['from unknown to ready', [], 'Unknown', 'True', posting, now, 'NodeReady'],
    ['to not ready', ['foo'], 'True', 'False', 'foo', now, 'NodeNotReady'],
    ['ready as before', [], 'True', 'True', posting, before],
    ['not ready as before', ['foo'], 'False', 'False', 'foo', before],
  ])('%s', (_, problems, known, status, message, since, event) => {
    const all = ['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => had(type, 'False'));
    const conditions = known === undefined ? all : [...all, had('Ready', known)];
    const judged = judgeConditions('n1', calm, problems, conditions, now);
    expect(judged.conditions.at(-1)).toEqual({
      type: 'Ready',
      status,
      reason: status === 'True' ? 'KubeletReady' : 'KubeletNotReady',
      message,
      lastHeartbeatTime: now,
      lastTransitionTime: since,
    });
    expect(judged.events.map(({reason}) => reason)).toEqual(event === undefined ? [] : [event]);
  });
});

describe.each([
  ['MemoryPressure', 'memory', 'NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  ['DiskPressure', 'disk', 'NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  ['PIDPressure', 'pid', 'NodeHasInsufficientPID', 'NodeHasSufficientPID'],
] as const)('%s', (type, kind, bad, good) => {
  it.each<[string, string | undefined, boolean, string, string, string?]>([
    ['new, none', undefined, false, 'False', now, good],
    ['new, there is', undefined, true, 'True', now, bad],
    ['begins', 'False', true, 'True', now, bad],
    ['ends', 'True', false, 'False', now, good],
    ['lasts', 'True', true, 'True', before],
    ['is still none', 'False', false, 'False', before],
    ['was unknown', 'Unknown', false, 'False', now, good],
  ])('%s', (_, known, is, status, since, event) => {
    const others = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].filter(
      (other) => other !== type,
    );
    const conditions = others.map((other) => had(other, other === 'Ready' ? 'True' : 'False'));
    if (known !== undefined) conditions.push(had(type, known));
    const judged = judgeConditions('n1', {...calm, [kind]: is}, [], conditions, now);
    const found = judged.conditions.find((condition) => condition.type === type);
    expect([found?.status, found?.lastTransitionTime]).toEqual([status, since]);
    expect(judged.events.map(({reason, message}) => `${reason}: ${message}`)).toEqual(
      event === undefined ? [] : [`${event}: Node n1 status is now: ${event}`],
    );
  });
});

describe('the address that a cloud is told', () => {
  const key = 'alpha.kubernetes.io/provided-node-ip';
  it.each<[string, string, string, string | undefined, string | null | undefined]>([
    ['is written', 'external', '10.1.1.1', undefined, '10.1.1.1'],
    ['is put right', 'external', '10.1.1.1', '10.1.1.3', '10.1.1.1'],
    ['stays', 'external', '10.1.1.1', '10.1.1.1', undefined],
    ['goes where there is no cloud any more', '', '10.1.1.1', '10.1.1.3', null],
    ['goes where none is meant', 'external', '::', '10.1.1.3', null],
    [
      'becomes two',
      'external',
      '10.1.1.1,2600:1f14:1d4:d101::ba3d',
      '10.1.1.1',
      '10.1.1.1,2600:1f14:1d4:d101::ba3d',
    ],
    ['becomes one again', 'external', '10.1.1.1', '10.1.1.1,2600:1f14::ba3d', '10.1.1.1'],
  ])('%s', (_, cloudProvider, nodeIp, existing, expected) => {
    const {config} = loadKubeletConfig([], {cloudProvider, nodeIp}, 'n1');
    const annotations = {
      'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
      ...(existing === undefined ? {} : {[key]: existing}),
    };
    const known = {labels: defaultLabels('n1', 'amd64'), annotations};
    expect(metadataPatch(known, config, 'amd64')).toEqual(
      expected === undefined ? undefined : {metadata: {annotations: {[key]: expected}}},
    );
  });
});
