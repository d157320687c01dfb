import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {parsePodResources} from '../../../../src/kubelet/resize/kubernetes-state.ts';
import {ResourceRecords} from '../../../../src/kubelet/resize/records.ts';
import {silent} from '../../../../src/lib/log.ts';

/** A file with the checksum that Kubernetes' own kubelet gives it (state_checkpoint_test.go has this very one). */
const data =
  '{"entries":{"pod1":{"ContainerResources":{"container1":{"requests":{"cpu":"1Ki","memory":"1Ki"}}}}}}';
const state = (text = data, sum = 1178570812) => JSON.stringify({data: text, checksum: sum});
const given = {containers: {container1: {requests: {cpu: '1Ki', memory: '1Ki'}}}};

let root: string;
beforeEach(async () => {
  root = await mkdtemp(`${tmpdir()}/nodectl-resize-`);
});
afterEach(() => rm(root, {recursive: true}));

describe('the notes of a Kubernetes kubelet about what pods were given', () => {
  it('are read with their checksum', () => {
    expect(parsePodResources(state())).toEqual(new Map([['pod1', given]]));
    expect(() => parsePodResources(state(data.replace('cpu', 'gpu')))).toThrow('corrupted');
    expect(() => parsePodResources('{}')).toThrow();
  });

  it('count where this kubelet has none of its own', async () => {
    await writeFile(`${root}/allocated_pods_state`, state());
    const records = await ResourceRecords.open(root, silent);
    expect(records.get('pod1')).toEqual({allocated: given, actuated: given});

    await mkdir(`${root}/pods/pod1`, {recursive: true});
    const own = {allocated: {containers: {}}, actuated: {containers: {}}};
    await writeFile(`${root}/pods/pod1/resources.json`, JSON.stringify(own));
    expect((await ResourceRecords.open(root, silent)).get('pod1')).toEqual(own);
  });

  it('are told when they are damaged, and are then as good as none', async () => {
    const told: string[] = [];
    const log = {...silent, warn: (message: string) => void told.push(message)};
    await writeFile(`${root}/allocated_pods_state`, state(data, 1));
    expect((await ResourceRecords.open(root, log)).get('pod1')).toBeUndefined();
    expect(told).toEqual(['what pods were given by another kubelet is not known']);
  });
});
