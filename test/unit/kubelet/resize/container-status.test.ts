import {describe, expect, it} from 'vitest';
import type {RuntimeResources} from '../../../../src/kubelet/pod/status/runtime-state.ts';
import type {Resources} from '../../../../src/kubelet/resize/allocation.ts';
import {containerResourcesStatus} from '../../../../src/kubelet/resize/status.ts';
import {container, record} from '../pod/fixtures.ts';

/** Kubernetes' own cases of TestConvertToAPIContainerStatusesForResources (kubelet_pods_test.go), by their meaning. */
const Gi = 2 ** 30;
const one = {cpu: '1', memory: '1Gi'};
const two = {cpu: '2', memory: '2Gi'};
const storage = {'ephemeral-storage': '2Gi', storage: '2Gi'};
const extended = {cpu: '0', memory: '0', 'dummy.io/dummy': '1'};
const both = (list: Record<string, string>): Resources => ({limits: list, requests: list});
const has = (milli: number, bytes: number): RuntimeResources => ({
  cpuRequestMilli: milli,
  cpuLimitMilli: milli,
  memoryLimitBytes: bytes,
});

type Case = {
  readonly allocated: Resources;
  readonly actual?: RuntimeResources;
  readonly actuated?: Resources;
  readonly state?: 'created' | 'exited';
  readonly is?: Resources;
};

const cases: Record<string, Case> = {
  guaranteed: {allocated: both(one), actual: has(1000, Gi)},
  'guaranteed, with storage': {allocated: both({...one, ...storage}), actual: has(1000, Gi)},
  'less than the kernel tells apart': {
    allocated: {requests: {memory: '100M', cpu: '1m'}, limits: {cpu: '5m'}},
    actual: {cpuRequestMilli: 2, cpuLimitMilli: 10},
  },
  'no cpu at all': {allocated: {requests: {memory: '100M'}}, actual: {cpuRequestMilli: 2}},
  nothing: {allocated: {}, actual: {cpuRequestMilli: 2}},
  'a resource of a plugin': {allocated: {requests: extended}, actual: {cpuRequestMilli: 2}},
  'burstable, with a resource of a plugin': {
    allocated: {requests: {...one, 'dummy.io/dummy': '1'}},
    actual: {cpuRequestMilli: 1000},
  },
  'guaranteed, with a resource of a plugin': {
    allocated: both({...one, 'dummy.io/dummy': '1'}),
    actual: has(1000, Gi),
  },
  'made and not started': {allocated: both({...one, ...storage}), state: 'created', actual: has(5, 5)},
  'ended, whatever it had': {allocated: both({...two, ...storage}), state: 'exited', actual: has(1000, Gi)},
  'on its way to more': {
    allocated: both({...two, ...storage}),
    actuated: both({...one, ...storage}),
    actual: has(1000, Gi),
    is: both({...one, ...storage}),
  },
  'where the runtime tells nothing': {
    allocated: both(two),
    actuated: both(one),
    is: both(one),
  },
};

describe('what a container has', () => {
  it.each(Object.entries(cases))('%s', (_, {allocated, actual, actuated, state, is}) => {
    const of = record('main', {
      ...(state === undefined ? {} : {state}),
      ...(actual === undefined ? {} : {resources: actual}),
    });
    const told = containerResourcesStatus(container('main', {resources: allocated}), of, actuated);
    expect(told).toEqual(is ?? allocated);
  });
});
