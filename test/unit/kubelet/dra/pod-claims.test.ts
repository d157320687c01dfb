import {describe, expect, it} from 'vitest';
import {
  containerClaims,
  hasExtended,
  madeClaims,
  podClaims,
  refusal,
} from '../../../../src/kubelet/dra/pod-claims.ts';
import type {Container, Pod, PodSpec, PodStatus, ResourceClaim} from '../../../../src/lib/kubernetes.ts';

const metadata = {name: 'p', namespace: 'ns', uid: 'u1', resourceVersion: '1'};
const pod = (resourceClaims: PodSpec['resourceClaims'], status: PodStatus = {}): Pod => ({
  metadata,
  spec: {containers: [], resourceClaims},
  status,
});
const extended: PodStatus = {
  extendedResourceClaimStatus: {
    resourceClaimName: 'made',
    requestMappings: [
      {containerName: 'main', resourceName: 'example.com/gpu', requestName: 'container-0-request-0'},
      {containerName: 'other', resourceName: 'example.com/gpu', requestName: 'container-1-request-0'},
    ],
  },
};

describe('the claims of a pod', () => {
  it.for<[string, Pod, unknown]>([
    ['none', pod(undefined), []],
    ['a name', pod([{name: 'gpu', resourceClaimName: 'c'}]), [{entry: 'gpu', name: 'c', isGenerated: false}]],
    [
      'a template',
      pod([{name: 'gpu', resourceClaimTemplateName: 't'}], {
        resourceClaimStatuses: [{name: 'gpu', resourceClaimName: 'p-gpu-x'}],
      }),
      [{entry: 'gpu', name: 'p-gpu-x', isGenerated: true}],
    ],
    [
      'a template that needs no claim',
      pod([{name: 'gpu', resourceClaimTemplateName: 't'}], {resourceClaimStatuses: [{name: 'gpu'}]}),
      [],
    ],
    ['extended resources', pod(undefined, extended), [{entry: '', name: 'made', isGenerated: false}]],
  ])('%s', ([, given, claims]) => {
    expect(podClaims(given)).toEqual(claims);
  });

  it('one that was not made yet is waited for', () => {
    expect(() => podClaims(pod([{name: 'gpu', resourceClaimTemplateName: 't'}]))).toThrow(
      'pod "ns/p": ResourceClaim not created yet',
    );
  });

  it('one that names nothing is refused', () => {
    expect(() => podClaims(pod([{name: 'gpu'}]))).toThrow(
      'pod "ns/p", spec.resourceClaim "gpu": none of the supported fields are set',
    );
  });
});

describe('whether a pod may use a claim', () => {
  const claim = (status: ResourceClaim['status'], owner?: string): ResourceClaim => ({
    metadata: {
      name: 'c',
      namespace: 'ns',
      uid: 'c1',
      resourceVersion: '1',
      ownerReferences:
        owner === undefined ? [] : [{apiVersion: 'v1', kind: 'Pod', name: 'p', uid: owner, controller: true}],
    },
    spec: {},
    status,
  });
  const reservedFor = [{resource: 'pods', name: 'p', uid: 'u1'}];
  const allocation = {devices: {results: []}};

  it.for<[string, ResourceClaim, boolean, string | undefined]>([
    ['kept for it', claim({reservedFor, allocation}), false, undefined],
    ['made for it', claim({reservedFor, allocation}, 'u1'), true, undefined],
    ['made for another', claim({reservedFor, allocation}, 'u2'), true, '(Pod is not owner)'],
    ['made for nobody', claim({reservedFor, allocation}), true, 'was not created for Pod ns/p'],
    ['kept for nobody', claim({allocation}), false, 'pod p (u1) is not allowed to use ResourceClaim c (c1)'],
    [
      'kept for another',
      claim({allocation, reservedFor: [{resource: 'pods', name: 'p', uid: 'u2'}]}),
      false,
      'is not allowed to use',
    ],
    ['not allocated', claim({reservedFor}), false, 'ResourceClaim c: not allocated'],
  ])('%s', ([, given, isGenerated, why]) => {
    const found = refusal(pod(undefined), given, isGenerated);
    if (why === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(why);
  });
});

describe('the requests of a container', () => {
  const container = (name: string, resources: Container['resources']): Container => ({name, resources});
  const both = pod([
    {name: 'gpu', resourceClaimName: 'c'},
    {name: 'net', resourceClaimName: 'd'},
  ]);
  const asks = {requests: {'example.com/gpu': '1'}};

  it.for<[string, Pod, Container, unknown]>([
    ['none', both, container('main', {}), []],
    ['a whole claim', both, container('main', {claims: [{name: 'gpu'}]}), [{name: 'c', requests: ['']}]],
    [
      'two requests of one',
      both,
      container('main', {
        claims: [
          {name: 'net', request: 'a'},
          {name: 'net', request: 'b'},
        ],
      }),
      [{name: 'd', requests: ['a', 'b']}],
    ],
    [
      'extended resources are those that are mapped to it',
      pod(undefined, extended),
      container('main', asks),
      [{name: 'made', requests: ['container-0-request-0']}],
    ],
    ['and that it asks for', pod(undefined, extended), container('main', {}), []],
  ])('%s', ([, given, of, claims]) => {
    expect(containerClaims(given, of)).toEqual(claims);
  });
});

it('what is not made yet is not told of', () => {
  expect(madeClaims(pod([{name: 'gpu', resourceClaimTemplateName: 't'}]))).toEqual([]);
  expect(hasExtended(pod(undefined, extended), {name: 'main'})).toBe(true);
  expect(hasExtended(pod(undefined, extended), {name: 'third'})).toBe(false);
});
