import {describe, expect, it} from 'vitest';
import {containerResources, podCgroup} from '../../../../src/kubelet/pod/config/resources/resources.ts';
import type {Container} from '../../../../src/lib/kubernetes.ts';
import {container, pod, resourceFacts} from './pods.ts';

type Resources = Container['resources'];
const Mi = 1024 ** 2;
const Gi = 1024 ** 3;

describe('swap', () => {
  const swap = (resources: Resources, facts = {}, spec = {}, metadata = {}) => {
    const own = container({resources});
    const of = pod({containers: [own], ...spec});
    const limited = {...resourceFacts, limitedSwapBytes: 4 * Gi, ...facts};
    return containerResources({...of, metadata: {...of.metadata, ...metadata}}, own, limited).unified?.[
      'memory.swap.max'
    ];
  };
  const burstable = {requests: {memory: '1Gi'}, limits: {memory: '2Gi'}};

  it('is a container’s as its part of the node’s memory is', () => {
    expect(swap(burstable)).toBe(String(Gi / 2));
    expect(swap({requests: {memory: '1Gi'}})).toBe(String(Gi / 2));
    expect(swap(burstable, {limitedSwapBytes: 1000})).toBe('125');
  });

  it.each<[string, Parameters<typeof swap>]>([
    ['guaranteed pods', [{limits: {cpu: '1', memory: '1Gi'}, requests: {cpu: '1', memory: '1Gi'}}]],
    ['best-effort pods', [undefined]],
    ['containers without a request', [{requests: {cpu: '1'}}]],
    ['containers whose request is their limit', [{requests: {memory: '1Gi'}, limits: {memory: '1Gi'}}]],
    ['critical pods', [burstable, {}, {priority: 2_000_000_000}]],
    ['static pods', [burstable, {}, {}, {annotations: {'kubernetes.io/config.source': 'file'}}]],
    ['containers that request more than the node has', [{requests: {memory: '9Gi'}}]],
    ['nodes without swap', [burstable, {limitedSwapBytes: 0}]],
  ])('is not for %s', (_, of) => expect(swap(...of)).toBe('0'));

  it('is nobody’s without LimitedSwap, and not spoken of where the kernel does not account it', () => {
    expect(swap(burstable, {limitedSwapBytes: undefined})).toBe('0');
    expect(swap(burstable, {swapAccounting: false})).toBeUndefined();
    expect(swap(burstable, {cgroupV2: false})).toBeUndefined();
  });
});

describe('MemoryQoS', () => {
  const facts = (tiered: boolean) => ({
    ...resourceFacts,
    swapAccounting: false,
    singleProcessOomKill: true,
    memoryQos: {throttlingFactor: 0.9, tiered, allocatableBytes: () => 4 * Gi},
  });
  const files = (resources: Resources, tiered = true) => {
    const own = container({resources});
    return containerResources(pod({containers: [own]}), own, facts(tiered)).unified;
  };
  const both = {cpu: '1', memory: '128Mi'};

  it.each<[string, Resources, object]>([
    ['keeps all of a guaranteed pod', {requests: both, limits: both}, {'memory.min': String(128 * Mi)}],
    [
      'throttles between request and limit',
      {requests: {memory: '100Mi'}, limits: {memory: '200Mi'}},
      {'memory.low': String(100 * Mi), 'memory.high': String(190 * Mi)},
    ],
    [
      'throttles below what the node has where there is no limit',
      {requests: {memory: '1Gi'}},
      {'memory.low': String(Gi), 'memory.high': String(Math.floor((3.7 * Gi) / 4096) * 4096)},
    ],
    [
      'keeps nothing for who requests nothing',
      {limits: {memory: '100Mi'}, requests: {cpu: '1'}},
      {'memory.min': '0', 'memory.low': '0', 'memory.high': String(90 * Mi)},
    ],
  ])('%s', (_, resources, expected) => expect(files(resources)).toEqual(expected));

  it('keeps nothing without a reservation, and throttles all the same', () =>
    expect(files({requests: {memory: '100Mi'}, limits: {memory: '200Mi'}}, false)).toEqual({
      'memory.min': '0',
      'memory.low': '0',
      'memory.high': String(190 * Mi),
    }));

  it('keeps for a pod what it requests', () => {
    const of = (resources: Resources, tiered = true) =>
      podCgroup(pod({containers: [container({resources})]}), facts(tiered));
    expect(of({requests: both, limits: both})).toMatchObject({memoryMin: 128 * Mi});
    expect(of({requests: {memory: '1Gi'}})).toMatchObject({memoryLow: Gi});
    expect(of({requests: {memory: '1Gi'}}, false)).not.toHaveProperty('memoryLow');
    expect(of(undefined)).not.toHaveProperty('memoryMin');
  });
});
