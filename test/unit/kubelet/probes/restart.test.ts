import {describe, expect, it} from 'vitest';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import {newestContainer, type PodRuntime} from '../../../../src/kubelet/pod/status/runtime-state.ts';
import {startProbes} from '../../../../src/kubelet/probes/manager.ts';
import type {ContainerStatus, Pod} from '../../../../src/lib/kubernetes.ts';
import {container, nowMs, pod, record, sandbox} from '../pod/fixtures.ts';

const probe = {exec: {command: ['true']}};
const probed = pod({containers: [container('main', {startupProbe: probe, readinessProbe: probe})]});
const runtime: PodRuntime = {sandboxes: [sandbox()], containers: [record('main')]};
const id = newestContainer(runtime, 'main')?.id ?? '';

const told = (rest: Partial<ContainerStatus>): Pod => ({
  ...probed,
  status: {
    containerStatuses: [
      {
        name: 'main',
        containerID: `containerd://${id}`,
        image: '',
        imageID: '',
        ready: true,
        started: true,
        restartCount: 0,
        ...rest,
      },
    ],
  },
});

/** A kubelet that starts `afterMs` after the container did; its probes have not run yet. */
function start(afterMs: number) {
  const probes = startProbes({
    cri: {} as Cri,
    clock: {now: () => nowMs - 50_000 + afterMs, monotonic: () => afterMs, after: () => () => undefined},
    recorder: {record: () => undefined, stop: async () => undefined},
    hostIps: () => [],
    onChange: () => undefined,
  });
  return (seen: Pod) => {
    // Before any probe runs: the first status that is told counts already.
    probes.recall(seen, runtime);
    return probes.results(probed.metadata.uid).get(id);
  };
}

describe('a container that ran before the kubelet started', () => {
  it('is as it was told, until a probe says otherwise', () => {
    expect(start(20_000)(told({}))).toEqual({startup: 'success', readiness: 'success'});
    expect(start(20_000)(told({ready: false}))).toEqual({startup: 'success', readiness: 'failure'});
  });

  it('is so too when that is heard of only later, as with the mirror of a static pod', () => {
    const sync = start(20_000);
    expect(sync(probed)).toEqual({startup: 'unknown', readiness: 'failure'});
    expect(sync(told({}))).toEqual({startup: 'success', readiness: 'success'});
  });

  it('is not ready for what another run of it was', () => {
    expect(start(20_000)(told({containerID: 'containerd://other'}))).toEqual({
      startup: 'unknown',
      readiness: 'failure',
    });
  });

  it('is not kept ready when it had run for less than ten seconds', () => {
    expect(start(9_000)(told({}))).toEqual({startup: 'success', readiness: 'failure'});
  });
});
