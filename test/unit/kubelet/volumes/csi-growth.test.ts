import {describe, expect, it} from 'vitest';
import {
  failedPatch,
  finishedPatch,
  growthOf,
  inProgressPatch,
} from '../../../../src/kubelet/volumes/growth/growth.ts';
import type {PersistentVolume, PersistentVolumeClaim} from '../../../../src/lib/kubernetes.ts';

const gi = 2 ** 30;
type ClaimStatus = NonNullable<PersistentVolumeClaim['status']>;

function claim(status: ClaimStatus, asked = '2Gi', accessMode = 'ReadWriteOnce'): PersistentVolumeClaim {
  return {
    metadata: {name: 'c', namespace: 'ns', uid: 'u', resourceVersion: '7'},
    spec: {accessModes: [accessMode], resources: {requests: {storage: asked}}},
    status,
  };
}

const volume = (size: string): PersistentVolume => ({
  metadata: {name: 'pv', uid: 'u', resourceVersion: '1'},
  spec: {capacity: {storage: size}},
});

const small = {capacity: {storage: '1Gi'}};
const seen = {volume: volume('2Gi'), knownBytes: undefined, hasFailed: false};
const pending = {
  ...small,
  allocatedResources: {storage: '2Gi'},
  allocatedResourceStatuses: {storage: 'NodeResizePending'},
};

describe('growth on this node', () => {
  it('is none while claim and volume agree', () => {
    expect(growthOf({...seen, claim: claim({capacity: {storage: '2Gi'}})})).toBeUndefined();
    expect(growthOf({...seen, claim: claim(pending), knownBytes: 2 * gi})).toBeUndefined();
  });

  it('follows the steps of the resize controller', () => {
    const growth = {
      size: '2Gi',
      bytes: 2 * gi,
      followed: true,
      claimHasIt: false,
      infeasibleOnFailure: false,
    };
    expect(growthOf({...seen, claim: claim(pending)})).toEqual(growth);
    const busy = {...pending, allocatedResourceStatuses: {storage: 'NodeResizeInProgress'}};
    expect(growthOf({...seen, claim: claim(busy), knownBytes: gi})).toEqual(growth);
    for (const storage of ['ControllerResizeInProgress', 'NodeResizeInfeasible'])
      expect(
        growthOf({...seen, claim: claim({...pending, allocatedResourceStatuses: {storage}})}),
      ).toBeUndefined();
  });

  it('is what the volume says where the controller is an old one', () => {
    expect(growthOf({...seen, claim: claim(small)})).toMatchObject({size: '2Gi', followed: false});
  });

  it('of a volume of several nodes goes on when another node was first', () => {
    const done = {capacity: {storage: '2Gi'}, allocatedResources: {storage: '2Gi'}};
    expect(growthOf({...seen, claim: claim(done), knownBytes: gi})).toBeUndefined();
    const shared = claim(done, '2Gi', 'ReadWriteMany');
    expect(growthOf({...seen, claim: shared, knownBytes: gi})).toMatchObject({claimHasIt: true});
    const annotations = {'volume.kubernetes.io/node-expansion-not-required': 'true'};
    const spared = {...shared, metadata: {...shared.metadata, annotations}};
    expect(growthOf({...seen, claim: spared, knownBytes: gi})).toBeUndefined();
  });

  it('that failed is for the controller once the claim was changed again', () => {
    expect(growthOf({...seen, claim: claim(pending, '3Gi'), hasFailed: true})?.infeasibleOnFailure).toBe(
      true,
    );
    expect(growthOf({...seen, claim: claim(pending), hasFailed: true})?.infeasibleOnFailure).toBe(false);
  });
});

describe('what a claim is told', () => {
  const metadata = {resourceVersion: '7'};
  const at = {status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z'};
  const conditions = ['Resizing', 'Other', 'FileSystemResizePending'].map((type) => ({type, ...at}));

  it('that it begins', () => {
    expect(inProgressPatch(claim(pending))).toEqual({
      metadata,
      status: {allocatedResourceStatuses: {storage: 'NodeResizeInProgress'}},
    });
  });

  it('that it is done: conditions of others stay', () => {
    expect(finishedPatch(claim({...pending, conditions}), '2Gi')).toEqual({
      metadata,
      status: {
        capacity: {storage: '2Gi'},
        allocatedResourceStatuses: {storage: null},
        conditions: [{type: 'Other', ...at}],
      },
    });
  });

  it('that it failed, once', () => {
    const told = failedPatch(claim({...pending, conditions}), 'no', '2026-02-02T00:00:00Z', false);
    expect(told.status).toEqual({
      conditions: [
        ...conditions,
        {
          type: 'NodeResizeError',
          status: 'True',
          lastTransitionTime: '2026-02-02T00:00:00Z',
          message: 'failed to expand pvc with no',
        },
      ],
    });
    const known = [{type: 'NodeResizeError', message: 'before', ...at}];
    expect(failedPatch(claim({...pending, conditions: known}), 'no', 'now', true).status).toEqual({
      allocatedResourceStatuses: {storage: 'NodeResizeInfeasible'},
      conditions: known,
    });
  });
});
