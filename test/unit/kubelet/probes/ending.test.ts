import {expect, it} from 'vitest';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import {startProbes} from '../../../../src/kubelet/probes/manager.ts';
import {container, nowMs, pod, record, sandbox} from '../pod/fixtures.ts';

const probe = (word: string) => ({exec: {command: [word]}});

/** Kubernetes stops the other probes with StopLivenessAndStartup (kubelet.go, SyncTerminatingPod). */
it('of a pod that comes to its end only the readiness is probed, whoever ends it', async () => {
  const asked: string[] = [];
  const execSync = async ({cmd}: {cmd: string[]}) => {
    asked.push(...cmd);
    return {exitCode: 0, stdout: new Uint8Array(), stderr: new Uint8Array()};
  };
  let due: (() => void)[] = [];
  const clock = {
    now: () => nowMs,
    monotonic: () => 0,
    after: (_: number, work: () => void) => {
      due.push(work);
      return () => {
        due = due.filter((one) => one !== work);
      };
    },
  };
  const probes = startProbes({
    cri: {runtime: {execSync}} as unknown as Cri,
    clock,
    recorder: {record: () => undefined, stop: async () => undefined},
    hostIps: () => [],
    onChange: () => undefined,
  });
  const object = pod({
    initContainers: [container('proxy', {restartPolicy: 'Always', livenessProbe: probe('proxy alive')})],
    containers: [container('main', {livenessProbe: probe('alive'), readinessProbe: probe('ready')})],
  });
  const runtime = {sandboxes: [sandbox()], containers: [record('proxy'), record('main')]};
  const round = async (ending: boolean) => {
    asked.length = 0;
    probes.sync(object, runtime, ending);
    const now = due;
    due = [];
    for (const work of now) work();
    await new Promise((resolve) => setImmediate(resolve));
    return [...asked].sort();
  };
  expect(await round(false)).toEqual(['alive', 'proxy alive', 'ready']);
  expect(await round(true)).toEqual(['ready']);
  probes.stop();
});
