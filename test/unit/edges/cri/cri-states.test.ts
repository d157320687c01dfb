import {create, type MessageInitShape, toBinary} from '@bufbuild/protobuf';
import {describe, expect, it} from 'vitest';
import * as api from '../../../../src/edges/cri/gen/api_pb.ts';
import {statesIn} from '../../../../src/edges/cri/states.ts';

const uid = (value: string) => ({'io.kubernetes.pod.uid': value});
const items = api.ListContainersResponseSchema.field.containers;

function listed(containers: MessageInitShape<typeof api.ContainerSchema>[]): Uint8Array {
  const list = create(api.ListContainersResponseSchema, {containers});
  return toBinary(api.ListContainersResponseSchema, list);
}

describe('states in a list', () => {
  it('are those of its messages, whatever else they hold', () => {
    const containers = [
      {
        id: 'c1',
        podSandboxId: 's1',
        metadata: {name: 'ünïcode', attempt: 300},
        image: {image: 'x', annotations: uid('not this')},
        imageRef: 'sha256:1',
        state: api.ContainerState.CONTAINER_EXITED,
        createdAt: 1_800_000_000_123_456_789n,
        labels: {a: 'b', ...uid('u1'), 'io.kubernetes.pod.uid2': 'no', 'io.kubernetes.pod.ui': 'no', '': ''},
        annotations: uid('nor this'),
      },
      {id: 'c2', state: api.ContainerState.CONTAINER_CREATED, labels: uid('u2'), createdAt: -1n},
      {id: 'c3', state: api.ContainerState.CONTAINER_UNKNOWN, labels: {a: 'x'.repeat(70_000)}},
      {},
    ];
    expect(statesIn(listed(containers), items, api.ContainerSchema)).toEqual([
      {id: 'c1', uid: 'u1', state: 2},
      {id: 'c2', uid: 'u2', state: 0},
      {id: 'c3', uid: undefined, state: 3},
      {id: '', uid: undefined, state: 0},
    ]);
    expect(statesIn(listed([]), items, api.ContainerSchema)).toEqual([]);
  });

  it('are those of sandboxes too, and of a message that lies within other bytes', () => {
    const list = create(api.ListPodSandboxResponseSchema, {
      items: [
        {id: 's1', state: api.PodSandboxState.SANDBOX_NOTREADY, labels: uid('u1'), runtimeHandler: 'runc'},
        {id: 's2', state: api.PodSandboxState.SANDBOX_READY, labels: uid('u2')},
      ],
    });
    const bytes = toBinary(api.ListPodSandboxResponseSchema, list);
    const within = Buffer.concat([Buffer.from([1, 2, 3]), bytes, Buffer.from([255])]);
    expect(
      statesIn(
        within.subarray(3, 3 + bytes.length),
        api.ListPodSandboxResponseSchema.field.items,
        api.PodSandboxSchema,
      ),
    ).toEqual([
      {id: 's1', uid: 'u1', state: 1},
      {id: 's2', uid: 'u2', state: 0},
    ]);
  });

  it('are told of no answer that was cut off', () => {
    const bytes = listed([{id: 'c1', labels: uid('u1')}, {id: 'c2'}]);
    const ends = Array.from({length: bytes.length - 1}, (_, at) => at + 1);
    const cuts = ends.filter((end) => {
      try {
        statesIn(bytes.subarray(0, end), items, api.ContainerSchema);
        return false;
      } catch {
        return true;
      }
    });
    // Between two messages is an end as good as any.
    const first = listed([{id: 'c1', labels: uid('u1')}]).length;
    expect(cuts).toEqual(ends.filter((end) => end !== first));
  });
});
