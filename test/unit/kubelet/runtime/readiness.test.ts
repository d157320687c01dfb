import {expect, it} from 'vitest';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import {RuntimeHealth} from '../../../../src/kubelet/runtime/readiness.ts';

type Condition = {type: string; status: boolean; reason: string; message: string};

type Told = {readonly network: string | undefined; readonly node: string};

/** What is told of the network and of the node, before the first answer and after each. */
async function told(...answers: readonly (Condition | Error)[]): Promise<Told[]> {
  const found: Told[] = [];
  const left = [...answers];
  const status = async () => {
    const next = left.shift();
    if (next instanceof Error) throw next;
    return {status: {conditions: [next]}, runtimeHandlers: []};
  };
  let again = () => {};
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_: number, fn: () => void) => {
      again = fn;
      return () => undefined;
    },
  };
  const health = new RuntimeHealth({runtime: {status}} as unknown as Cri, clock);
  const look = () => found.push({network: health.networkProblem, node: health.readiness().reason});
  look();
  health.start(() => undefined);
  for (const _ of answers) {
    await new Promise((resolve) => setImmediate(resolve));
    look();
    again();
  }
  health.stop();
  return found;
}

const ready = {type: 'NetworkReady', status: true, reason: '', message: ''};
const uninitialized = {
  type: 'NetworkReady',
  status: false,
  reason: 'NetworkPluginNotReady',
  message: 'Network plugin returns error: cni plugin not initialized',
};
const words =
  'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized';

/** kubelet.go, updateRuntimeUp; runtime.go, networkErrors. */
it('tells of the network what the runtime last said', async () => {
  const found = await told(uninitialized, ready, new Error('it does not answer'), uninitialized);
  expect(found.map(({network}) => network)).toEqual([
    'network state unknown',
    words,
    undefined,
    undefined,
    words,
  ]);
});

it('tells of the node what the runtime says of itself', async () => {
  const bad = {type: 'RuntimeReady', status: false, reason: 'Broken', message: 'no shim can be started'};
  const found = await told(bad, uninitialized);
  expect(found.slice(1).map(({node}) => node)).toEqual([
    'container runtime not ready: RuntimeReady=false reason:Broken message:no shim can be started',
    words,
  ]);
});
