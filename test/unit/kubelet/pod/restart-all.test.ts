import {describe, expect, it} from 'vitest';
import {decidePod} from '../../../../src/kubelet/pod/actions/decide.ts';
import type {PodSeen} from '../../../../src/kubelet/pod/seen.ts';
import {container, exited, pod, record, sandbox, seen} from './fixtures.ts';

const rule = (action: string, operator: string, ...values: number[]) => ({
  action,
  exitCodes: {operator, values},
});
const source = container('source', {
  restartPolicy: 'Never',
  restartPolicyRules: [rule('RestartAllContainers', 'In', 42)],
});
const spec = {
  restartPolicy: 'Never',
  initContainers: [container('init')],
  containers: [source, container('main')],
};
const world = (containers: PodSeen['runtime']['containers'], rest: Partial<PodSeen> = {}) =>
  seen({pod: pod(spec), runtime: {sandboxes: [sandbox()], containers}, ...rest});
const asked = [exited('source', 42), record('main'), exited('init')];

describe('a container whose exit begins all of them anew', () => {
  it('first has the others ended without grace', () => {
    const {acts, status} = decidePod(world(asked));
    expect(acts).toMatchObject([{do: 'kill', kills: [{container: {name: 'main'}, graceSeconds: 0}]}]);
    expect(status?.phase).toBe('Running');
    expect(status?.conditions?.find(({type}) => type === 'AllContainersRestarting')).toMatchObject({
      status: 'True',
      reason: 'RestartAllContainersStarted',
    });
  });

  it('waits for their ends, whatever their exit codes are', () => {
    const {acts, status} = decidePod(world(asked, {stopping: new Map([['main-0', {endsAtMs: 0}]])}));
    expect(acts).toEqual([]);
    expect(status?.phase).toBe('Running');
  });

  it('then has all removed, itself last', () => {
    const {acts, status} = decidePod(world([exited('source', 42), exited('main', 137), exited('init')]));
    expect(acts).toEqual([
      {do: 'removeContainers', ids: ['main-0', 'init-0']},
      {do: 'removeContainers', ids: ['source-0']},
    ]);
    expect(status?.phase).toBe('Running');
  });

  it('counts a restart of each, and begins with the init containers', () => {
    const before = decidePod(world([exited('source', 42), exited('main', 137), exited('init')])).status;
    const {acts, againInMs, status} = decidePod(world([], {status: before}));
    expect({acts, againInMs}).toEqual({acts: [], againInMs: 0});
    for (const one of [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])])
      expect(one).toMatchObject({
        restartCount: 1,
        state: {waiting: {reason: 'RestartingAllContainers'}},
        lastState: {terminated: {exitCode: 137, reason: 'RestartingAllContainers'}},
      });
    expect(status?.conditions?.find(({type}) => type === 'AllContainersRestarting')?.status).toBe('False');
    const next = decidePod(world([], {status}));
    expect(next.acts).toMatchObject([{do: 'start', container: {name: 'init'}, attempt: 1}]);
    expect(next.status?.containerStatuses?.[0]).toMatchObject({restartCount: 1});
  });

  it('goes on after an interruption that left only a part', () => {
    const status = decidePod(world(asked)).status;
    const {acts} = decidePod(world([exited('main', 137)], {status}));
    expect(acts).toEqual([{do: 'removeContainers', ids: ['main-0']}]);
  });

  it('does so for init containers, too', () => {
    const initContainers = [container('init', {restartPolicy: 'Never', ...rulesOf(source)})];
    const runtime = {sandboxes: [sandbox()], containers: [exited('init', 42)]};
    const {acts, status} = decidePod(seen({pod: pod({...spec, initContainers}), runtime}));
    expect(acts).toEqual([{do: 'removeContainers', ids: ['init-0']}]);
    expect(status?.phase).not.toBe('Failed');
  });

  it('is only asked for by the exit codes of its rule', () => {
    const {status} = decidePod(world([exited('source', 1), exited('main'), exited('init')]));
    expect(status?.phase).toBe('Failed');
  });

  it('follows the first rule that fits', () => {
    const restartPolicyRules = [rule('Restart', 'In', 42), rule('RestartAllContainers', 'NotIn', 0)];
    const containers = [{...source, restartPolicyRules}, container('main')];
    const runtime = {sandboxes: [sandbox()], containers: asked};
    const {acts} = decidePod(seen({pod: pod({...spec, containers}), runtime}));
    expect(acts).toMatchObject([{do: 'start', container: {name: 'source'}, attempt: 1}]);
  });

  it('stops for a pod that is deleted', () => {
    const deleted = {deletionTimestamp: '2026-01-01T00:09:59Z', deletionGracePeriodSeconds: 30};
    const {acts} = decidePod(world(asked, {pod: pod(spec, deleted)}));
    expect(acts).toMatchObject([{do: 'kill', kills: [{container: {name: 'main'}, graceSeconds: 30}]}]);
  });
});

function rulesOf({restartPolicyRules = []}: typeof source) {
  return {restartPolicyRules};
}
