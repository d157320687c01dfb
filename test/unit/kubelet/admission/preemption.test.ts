import {describe, expect, it} from 'vitest';
import {podsToPreempt} from '../../../../src/kubelet/admission/preemption.ts';
import type {Pod} from '../../../../src/lib/kubernetes.ts';
import {container, pod} from '../pod/fixtures.ts';

/** Kubernetes' own cases of getPodsToPreempt (preemption/preemption_test.go), by their meaning. */
function made(name: string, requests: object, limits: object = {}, priority?: number): Pod {
  const containers = [container('main', {resources: {requests, limits} as object})];
  return pod({containers, ...(priority === undefined ? {} : {priority})}, {name, uid: name});
}

const [small, large] = [
  {cpu: '100m', memory: '100Mi'},
  {cpu: '300m', memory: '300Mi'},
];
const bestEffort = made('bestEffort', {});
const burstable = made('burstable', small);
const highBurstable = made('highBurstable', large);
const guaranteed = made('guaranteed', small, small);
const highGuaranteed = made('highGuaranteed', large, large);
const clusterCritical = made('clusterCritical', small, {}, 2_000_000_000);
const nodeCritical = made('nodeCritical', small, {}, 2_000_001_000);

const needs = (milli: number, mebi: number, pods: number) =>
  [
    {resource: 'cpu', quantity: milli},
    {resource: 'memory', quantity: mebi * 2 ** 20},
    {resource: 'pods', quantity: pods},
  ].filter(({quantity}) => quantity > 0);

const five = [bestEffort, burstable, highBurstable, guaranteed, highGuaranteed];

describe('the pods that end for a critical one', () => {
  it.each<[string, Pod, Pod[], ReturnType<typeof needs>, Pod[] | undefined]>([
    ['nothing is needed', clusterCritical, [], needs(0, 0, 0), []],
    ['there are none', clusterCritical, [], needs(0, 0, 1), undefined],
    ['one is just enough', clusterCritical, [burstable], needs(100, 100, 1), [burstable]],
    ['one is not enough', clusterCritical, [burstable], needs(200, 200, 2), undefined],
    ['best effort first', clusterCritical, [burstable, bestEffort], needs(0, 0, 1), [bestEffort]],
    ['burstable before guaranteed', clusterCritical, [burstable, guaranteed], needs(0, 0, 1), [burstable]],
    [
      'the smaller of two that are enough',
      clusterCritical,
      [bestEffort, highBurstable, burstable],
      needs(100, 100, 0),
      [burstable],
    ],
    [
      'the larger where the smaller is not',
      clusterCritical,
      [bestEffort, burstable, highBurstable],
      needs(150, 150, 0),
      [highBurstable],
    ],
    ['two of them', clusterCritical, five, needs(350, 350, 0), [burstable, highBurstable]],
    [
      'a guaranteed one, and then no more burstable ones than needed',
      clusterCritical,
      five,
      needs(0, 550, 0),
      [highBurstable, highGuaranteed],
    ],
    ['a lower critical one', nodeCritical, [clusterCritical], needs(100, 0, 0), [clusterCritical]],
    ['no higher critical one', clusterCritical, [nodeCritical], needs(100, 0, 0), undefined],
    ['none of the same priority', clusterCritical, [clusterCritical], needs(0, 0, 1), undefined],
    ['best effort frees no memory', clusterCritical, [bestEffort], needs(0, 1, 0), undefined],
  ])('%s', (_, preemptor, others, requirements, chosen) => {
    const active = others.map((other) => ({pod: other, isStatic: false, ending: false}));
    const names = podsToPreempt(preemptor, false, active, requirements)?.map(({metadata}) => metadata.name);
    expect(names?.sort()).toEqual(chosen?.map(({metadata}) => metadata.name).sort());
  });
});
