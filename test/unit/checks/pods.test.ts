import {describe, expect, it} from 'vitest';
import type {Finding} from '../../../src/checks/check.ts';
import {judgePressure} from '../../../src/checks/kubelet/pressure.ts';
import {judgeReady} from '../../../src/checks/kubelet/ready.ts';
import {judgeCrashes} from '../../../src/checks/pods/crashes.ts';
import {judgeEnds} from '../../../src/checks/pods/ends.ts';
import {judgeImages} from '../../../src/checks/pods/images.ts';
import {judgeStarts} from '../../../src/checks/pods/starts.ts';
import {waitingContainers} from '../../../src/checks/pods/waiting.ts';
import type {Node, Pod} from '../../../src/lib/kubernetes.ts';

const nowMs = 10 ** 12;
const ago = (seconds: number) => new Date(nowMs - seconds * 1000).toISOString();
const brief = (findings: readonly Finding[]) => findings.map(({code, severity}) => `${severity} ${code}`);

function pod(reason: string | undefined, seconds: number, metadata: Partial<Pod['metadata']> = {}): Pod {
  const state =
    reason === undefined ? {running: {startedAt: ago(seconds)}} : {waiting: {reason, message: 'm'}};
  const container = {name: 'main', ready: false, restartCount: 0, image: 'i', imageID: '', state};
  return {
    metadata: {name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1', ...metadata},
    spec: {containers: [{name: 'main'}]},
    status: {phase: 'Pending', startTime: ago(seconds), containerStatuses: [container]},
  };
}

describe('pods', () => {
  it.each([
    ['runs', pod(undefined, 900), []],
    ['starts', pod('ContainerCreating', 20), []],
    ['starts for long', pod('ContainerCreating', 900), ['warning ND751']],
    ['cannot be made', pod('CreateContainerConfigError', 3), ['warning ND751']],
    ['has no image', pod('ImagePullBackOff', 3), ['warning ND511']],
    ['crashes', pod('CrashLoopBackOff', 900), ['warning ND752']],
    ['waits behind an init container', pod('PodInitializing', 900), []],
    ['is deleted', pod('ImagePullBackOff', 900, {deletionTimestamp: ago(5)}), []],
    ['does not end', pod(undefined, 900, {deletionTimestamp: ago(100)}), ['warning ND753']],
  ])('one that %s', (_, given, expected) => {
    const waiting = waitingContainers([given], nowMs);
    const judged = [
      ...judgeImages(waiting),
      ...judgeCrashes(waiting),
      ...judgeStarts(waiting),
      ...judgeEnds([given], nowMs),
    ];
    expect(brief(judged)).toEqual(expected);
  });

  const calm = {waiting: 1, cpus: 2, diskPercent: 0, memoryPercent: 0};
  const silent = {...pod('ContainerCreating', 900)};
  it.each([
    ['a calm machine', calm, '', ['warning ND751']],
    ['a disk that is too slow', {...calm, diskPercent: 90}, '', ['warning ND115']],
    ['too little memory', {...calm, memoryPercent: 40}, '', ['warning ND115']],
    [
      'a disk that is too slow, and an error of its own',
      {...calm, diskPercent: 90},
      'no such file',
      ['warning ND751'],
    ],
  ])('that waits for long on %s', (_, load, message, expected) => {
    const waiting = waitingContainers([silent], nowMs).map((one) => ({...one, message}));
    expect(brief(judgeStarts(waiting, load))).toEqual(expected);
  });

  it('tells of many in one finding', () => {
    const many = Array.from({length: 5}, (_, n) => pod('ErrImagePull', 3, {name: `p${n}`}));
    const [finding, ...others] = judgeImages(waitingContainers(many, nowMs));
    expect(others).toEqual([]);
    expect(finding?.message.split('\n')).toEqual([
      '5 pods wait for their images',
      'n/p0: ErrImagePull: m',
      'n/p1: ErrImagePull: m',
      'n/p2: ErrImagePull: m',
      'and 2 more',
    ]);
    expect(finding?.next).toEqual(['kubectl -n n describe pod p0']);
  });
});

describe('the Node', () => {
  const node = (type: string, status: string): Node => ({
    metadata: {name: 'n', uid: '', resourceVersion: ''},
    status: {conditions: [{type, status, reason: 'R', message: 'M', lastTransitionTime: ago(300)}]},
  });
  it.each([
    ['True', undefined],
    ['False', 'the node is not Ready for 5m\nR: M'],
    ['Unknown', 'the cluster does not hear from this node for 5m\nR: M'],
  ])('Ready %s', (status, message) => {
    expect(judgeReady(node('Ready', status), nowMs)[0]?.message).toBe(message);
  });
  it.each([
    ['DiskPressure', 'True', ['error ND744']],
    ['DiskPressure', 'False', []],
    ['Ready', 'True', []],
  ])('%s %s', (type, status, expected) => {
    expect(brief(judgePressure(node(type, status)))).toEqual(expected);
  });
});
