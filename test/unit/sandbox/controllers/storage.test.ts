import {expect, it} from 'vitest';
import type {PersistentVolume, PersistentVolumeClaim} from '../../../../src/lib/kubernetes.ts';
import {decideEphemeral, decideStorage} from '../../../../src/sandbox/controllers/storage/decide.ts';
import {pod} from '../../kubelet/pod-config/pods.ts';

type Fields = {metadata?: object; spec?: object; phase?: string};

const claim = (name: string, {metadata, spec, phase}: Fields = {}): PersistentVolumeClaim => ({
  metadata: {name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: '1', ...metadata},
  spec: {accessModes: ['ReadWriteOnce'], resources: {requests: {storage: '1Gi'}}, ...spec},
  ...(phase === undefined ? {} : {status: {phase}}),
});
const volume = (name: string, {metadata, spec, phase}: Fields = {}): PersistentVolume => ({
  metadata: {name, uid: `uid-${name}`, resourceVersion: '1', ...metadata},
  spec: {accessModes: ['ReadWriteOnce'], capacity: {storage: '2Gi'}, ...spec},
  status: {phase: phase ?? 'Available'},
});

function told(claims: PersistentVolumeClaim[], volumes: PersistentVolume[]): string[] {
  return decideStorage({claims, volumes}).acts.map((act) => {
    if (act.type === 'bind') return `${act.claim.metadata.name} to ${act.volume.metadata.name}`;
    const of = act.type === 'claimPhase' ? act.claim : act.volume;
    return `${of.metadata.name} ${act.phase}`;
  });
}

it('binds a claim to the smallest volume that is large enough, each volume once', () => {
  const volumes = [
    volume('large', {spec: {capacity: {storage: '9Gi'}}}),
    volume('small', {spec: {capacity: {storage: '1Mi'}}}),
    volume('right'),
  ];
  expect(told([claim('a', {phase: 'Pending'}), claim('b', {phase: 'Pending'})], volumes)).toEqual([
    'a to right',
    'b to large',
  ]);
});

it.each([
  ['class', {storageClassName: 'fast'}, {}],
  ['mode', {volumeMode: 'Block'}, {}],
  ['access', {accessModes: ['ReadWriteMany']}, {}],
  ['labels', {selector: {matchLabels: {disk: 'ssd'}}}, {}],
  ['somebody else’s name', {}, {claimRef: {namespace: 'shop', name: 'other'}}],
  ['a claim of that name from before', {}, {claimRef: {namespace: 'shop', name: 'a', uid: 'old'}}],
])('leaves a claim waiting where %s does not fit', (_, wish, offer) => {
  const acts = told([claim('a', {spec: wish})], [volume('v', {spec: offer, phase: 'Released'})]);
  expect(acts).toContain('a Pending');
  expect(acts).not.toContain('a to v');
});

it('binds what names each other, whatever its size', () => {
  const named = volume('v', {spec: {claimRef: {namespace: 'shop', name: 'a'}, capacity: {storage: '1Mi'}}});
  expect(told([claim('a')], [volume('right'), named])).toEqual(['a to v']);
  expect(told([claim('b', {spec: {volumeName: 'v'}})], [volume('v')])).toEqual(['b to v']);
});

it('decides nothing for what is bound, and tells of what was lost or let go', () => {
  const bound = claim('a', {spec: {volumeName: 'v'}, phase: 'Bound'});
  const taken = volume('v', {spec: {claimRef: {namespace: 'shop', name: 'a', uid: 'uid-a'}}, phase: 'Bound'});
  expect(told([bound], [taken])).toEqual([]);
  expect(told([bound], [])).toEqual(['a Lost']);
  expect(told([], [taken])).toEqual(['v Released']);
});

it('makes the claims of ephemeral volumes that are missing', () => {
  const ephemeral = {volumeClaimTemplate: {spec: {}}};
  const of = pod({
    volumes: [
      {name: 'x', ephemeral},
      {name: 'y', ephemeral},
      {name: 'z', emptyDir: {}},
    ],
  });
  expect(decideEphemeral({pod: of, claims: new Set(['shop/web-x'])}).acts).toEqual([{pod: of, volume: 'y'}]);
  const going = pod(of.spec, {deletionTimestamp: 'now'});
  expect(decideEphemeral({pod: going, claims: new Set()}).acts).toEqual([]);
});
