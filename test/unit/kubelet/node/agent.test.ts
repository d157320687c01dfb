import {afterEach, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import {realClock} from '../../../../src/edges/clock.ts';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import {ApiError} from '../../../../src/edges/kube/errors.ts';
import {type NodeAgent, startNodeAgent} from '../../../../src/kubelet/node/agent.ts';
import type {Node} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';

let agent: NodeAgent | undefined;
afterEach(() => agent?.stop());

type Answer = {readonly type: string; readonly body: {readonly status?: Node['status']}};

/** Nobody answers before the caller gives up. */
const silence = (_: object, __: object, {signal}: {signal: AbortSignal}) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** A node agent beside an API server whose Node is there already; each patch is counted and answered by `answer`. */
function start(answer: (patch: Answer, node: Node) => Node) {
  let node: Node = {metadata: {name: 'n1', uid: 'u', resourceVersion: '1'}, status: {}};
  const patches = {metadata: 0, status: 0};
  const client = {
    create: async () => Promise.reject(new ApiError(409, 'exists', {reason: 'AlreadyExists'})),
    get: async () => node,
    list: silence,
    patch: async (_: object, {subresource}: {subresource?: string}, patch: Answer) => {
      patches[subresource === undefined ? 'metadata' : 'status']++;
      const resourceVersion = String(Number(node.metadata.resourceVersion) + 1);
      const answered = answer(patch, node);
      node = {...answered, metadata: {...answered.metadata, resourceVersion}};
      return node;
    },
  } as unknown as KubeClient;
  let looks = 0;
  const cri = {
    runtime: {
      version: async () => {
        looks++;
        return {runtimeName: 'containerd', runtimeVersion: '2.1.0'};
      },
      status: async () => ({runtimeHandlers: [], features: {supplementalGroupsPolicy: true}}),
    },
    images: {listImages: async () => ({images: []})},
  } as unknown as Cri;
  agent = startNodeAgent({
    // A cloud tells the addresses: nothing is looked up.
    config: {...loadKubeletConfig([], {}, 'n1').config, externalCloudProvider: true},
    client,
    heartbeatClient: {get: silence} as unknown as KubeClient,
    cri,
    clock: realClock,
    log: silent,
    // Not Ready, it looks ten times a second.
    runtimeReady: () => ({ok: false, seen: true, networkReady: false, reason: 'the network is not ready'}),
    volumesInUse: () => [],
    pressure: () => ({memory: false, disk: false, pid: false}),
    recordEvent: () => undefined,
  });
  return {patches, looks: () => looks};
}

const rounds = 12;

it('does not repeat itself to an API server that drops a field, and a webhook that wants another label', async () => {
  const {patches, looks} = start(({body}, node) => {
    const {declaredFeatures: _, features: __, ...status} = body.status ?? {};
    return {...node, status: {...node.status, ...status}};
  });
  await expect.poll(looks, {timeout: 10_000}).toBeGreaterThan(rounds);
  expect(patches).toEqual({metadata: 1, status: 1});
});

it('tells its status though nobody takes its labels', async () => {
  const {patches, looks} = start(({type, body}, node) => {
    if (type === 'merge') throw new ApiError(403, 'denied by a webhook');
    return {...node, status: {...node.status, ...body.status}};
  });
  await expect.poll(looks, {timeout: 10_000}).toBeGreaterThan(4);
  expect(patches.status).toBe(1);
  expect(patches.metadata).toBeGreaterThan(1);
});
