import {describe, expect, it} from 'vitest';
import {
  announceDriver,
  isOwnedBy,
  newCsiNode,
  withDriver,
  withdrawDriver,
  withMigration,
  withoutDriver,
} from '../../../../src/kubelet/volumes/csi/node/csi-node.ts';
import type {CsiNode, Node} from '../../../../src/lib/kubernetes.ts';

const node = (labels = {}, annotations = {}): Node => ({
  metadata: {name: 'n', uid: 'u', resourceVersion: '1', labels, annotations},
});
const csiNode = (drivers: CsiNode['spec']['drivers']): CsiNode => ({
  metadata: {name: 'n', uid: 'c', resourceVersion: '1'},
  spec: {drivers},
});
const driver = {name: 'd', nodeId: 'i-1', maxVolumes: 0, topology: {zone: 'a', area: 'x'}};
const entry = {name: 'd', nodeID: 'i-1', topologyKeys: ['area', 'zone']};
const nodeId = 'csi.volume.kubernetes.io/nodeid';

describe('a CSINode', () => {
  it('belongs to the Node of this name and of this life', () => {
    const made = newCsiNode(node());
    const stored = {...csiNode([]), metadata: {...csiNode([]).metadata, ...made.metadata, name: 'n'}};
    expect(isOwnedBy(stored, node())).toBe(true);
    expect(isOwnedBy(stored, {metadata: {...node().metadata, uid: 'other'}})).toBe(false);
    expect(isOwnedBy(csiNode([]), node())).toBe(false);
  });

  it('says what each driver says, and is written only when that changes', () => {
    const other = {name: 'o', nodeID: 'x', topologyKeys: []};
    expect(withDriver(csiNode([other]), driver)).toEqual([other, entry]);
    expect(withDriver(csiNode([{...entry, topologyKeys: ['zone', 'area']}]), driver)).toBeUndefined();
    expect(withDriver(csiNode([entry]), {...driver, maxVolumes: 5})).toEqual([
      {...entry, allocatable: {count: 5}},
    ]);
    expect(withDriver(csiNode([{...entry, allocatable: {count: 5}}]), driver)).toEqual([entry]);
    expect(withDriver(csiNode([]), {...driver, maxVolumes: 2 ** 40})?.[0]?.allocatable?.count).toBe(
      2 ** 31 - 1,
    );
    expect(withoutDriver(csiNode([other, entry]), 'd')).toEqual([other]);
    expect(withoutDriver(csiNode([other]), 'd')).toBeUndefined();
  });

  it('says of which old kinds this node takes volumes by their drivers, also where it was made before', () => {
    const told = {
      'storage.alpha.kubernetes.io/migrated-plugins':
        'kubernetes.io/aws-ebs,kubernetes.io/azure-disk,kubernetes.io/azure-file,kubernetes.io/cinder,kubernetes.io/gce-pd,kubernetes.io/portworx-volume,kubernetes.io/vsphere-volume',
    };
    expect(newCsiNode(node()).metadata.annotations).toEqual(told);
    const before = csiNode([entry]);
    const after = withMigration({...before, metadata: {...before.metadata, annotations: {mine: 'x'}}});
    expect(after?.metadata.annotations).toEqual({mine: 'x', ...told});
    expect(after?.spec).toEqual(before.spec);
    expect(after === undefined || withMigration(after)).toBeUndefined();
  });

  it('has null for its drivers as long as it has none: that is how the API server shows an empty list', () => {
    expect(withDriver(csiNode(null), driver)).toEqual([entry]);
    expect(withoutDriver(csiNode(null), 'd')).toBeUndefined();
  });
});

describe('the Node', () => {
  it('says what a driver calls it, and where it is', () => {
    expect(announceDriver(node({}, {[nodeId]: '{"o":"x"}'}), driver)).toEqual({
      annotations: {[nodeId]: '{"o":"x","d":"i-1"}'},
      labels: {zone: 'a', area: 'x'},
    });
    expect(announceDriver(node({zone: 'a', area: 'x'}, {[nodeId]: '{"d":"i-1"}'}), driver)).toBeUndefined();
  });

  it('is nowhere else than it says', () => {
    expect(() => announceDriver(node({zone: 'b'}), driver)).toThrow(
      'detected topology value collision: driver reported "zone":"a" but existing label is "zone":"b"',
    );
  });

  it('forgets a driver that has gone; its labels stay', () => {
    expect(withdrawDriver(node({}, {[nodeId]: '{"o":"x","d":"i"}'}), 'd')).toEqual({
      annotations: {[nodeId]: '{"o":"x"}'},
    });
    expect(withdrawDriver(node({}, {[nodeId]: '{"d":"i"}'}), 'd')).toEqual({annotations: {[nodeId]: null}});
    expect(withdrawDriver(node(), 'd')).toBeUndefined();
  });
});
