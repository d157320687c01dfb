import {describe, expect, it} from 'vitest';
import {decidePod} from '../../../../src/kubelet/pod/actions/decide.ts';
import type {PodSeen} from '../../../../src/kubelet/pod/seen.ts';
import type {RuntimeContainer} from '../../../../src/kubelet/pod/status/runtime-state.ts';
import {container, exited, nowMs, pod, record, sandbox, seen} from './fixtures.ts';

/** Containers that were killed so many milliseconds ago. */
function killed(...ago: readonly number[]): PodSeen['runtime'] {
  const containers = ['main', 'second'].map((name, at) => {
    const one = ago[at];
    return one === undefined ? record(name) : exited(name, 137, {finishedAtMs: nowMs - one});
  });
  return {sandboxes: [sandbox()], containers};
}

function ended(rest: Partial<RuntimeContainer>): PodSeen['runtime'] {
  const main = exited('main', 137, {finishedAtMs: nowMs - 100, ...rest});
  return {sandboxes: [sandbox()], containers: [main, record('second')]};
}

const twoContainers = {containers: [container('main'), container('second')]};

describe('a container that has ended', () => {
  it.each<[string, Partial<PodSeen>, number | undefined]>([
    ['was killed by somebody else', {}, 400],
    ['is one of several: until the last of them has settled', {runtime: killed(100, 20)}, 480],
    ['was killed a while ago', {runtime: killed(500)}, undefined],
    ['was killed by us, to begin again', {restarting: new Set(['main-0'])}, undefined],
    ['was killed for its memory', {runtime: ended({reason: 'OOMKilled'})}, undefined],
    ['ended by itself', {runtime: ended({exitCode: 1})}, undefined],
    ['was killed before the clock was set', {runtime: killed(-3_600_000)}, 500],
  ])('waits until it is clear that its sandbox does not die with it, when it %s', (_, rest, againInMs) => {
    const decision = decidePod(seen({pod: pod(twoContainers), runtime: killed(100), ...rest}));
    expect(decision.againInMs).toBe(againInMs);
    expect(decision.acts.map(({do: what}) => what).includes('start')).toBe(againInMs === undefined);
  });

  it('begins in the next sandbox when it has died', () => {
    const runtime = {...killed(100, 90), sandboxes: [sandbox({ready: false})]};
    expect(decidePod(seen({runtime})).acts.map((act) => act.do)).toEqual(['createSandbox']);
  });
});
