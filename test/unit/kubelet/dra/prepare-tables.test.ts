import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import {DRAPlugin} from '../../../../src/edges/dra/gen/dra_v1_pb.ts';
import {type GrpcServer, serveGrpc} from '../../../../src/edges/http/grpc-server.ts';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import {DynamicResources} from '../../../../src/kubelet/dra/manager.ts';
import type {Pod} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';

/** The cases of Kubernetes' own tests (pkg/kubelet/cm/dra/manager_test.go), by their meaning. */
const driver = 'test-driver';
type Answer =
  | {readonly error?: string; readonly devices?: readonly {readonly shareId?: string}[]}
  | undefined;

let root: string;
let server: GrpcServer;
let resources: DynamicResources;
let asked: string[];
let answer: Answer;
/** What the API server has; by name. */
let claims: Map<string, {uid: string; driver: string; reservedFor: readonly string[]}>;

beforeEach(async () => {
  root = await mkdtemp(`${tmpdir()}/nodectl-dra-`);
  asked = [];
  answer = {devices: [{}]};
  claims = new Map([['c', {uid: 'claim-1', driver, reservedFor: ['pod-1', 'pod-2']}]]);
  const answers = (what: string, of: readonly {uid: string}[]) => {
    asked.push(...of.map(({uid}) => `${what} ${uid}`));
    if (answer === undefined) return {claims: {}};
    const {error = '', devices = []} = answer;
    const told = devices.map(({shareId}) => ({
      poolName: 'pool',
      deviceName: 'dev',
      requestNames: ['r'],
      cdiDeviceIds: ['v/c=dev'],
      ...(shareId === undefined ? {} : {shareId}),
    }));
    return {claims: Object.fromEntries(of.map(({uid}) => [uid, {error, devices: told}]))};
  };
  server = await serveGrpc(`${root}/d.sock`, (router) =>
    router.service(DRAPlugin, {
      nodePrepareResources: (request) => answers('prepare', request.claims),
      nodeUnprepareResources: (request) => answers('unprepare', request.claims),
    }),
  );
  // Only claims are asked for.
  const client = {
    async get(_resource: unknown, {name}: {name: string}) {
      const found = claims.get(name);
      if (found === undefined) throw new Error('not found');
      return {
        metadata: {name, namespace: 'ns', uid: found.uid},
        status: {
          reservedFor: found.reservedFor.map((uid) => ({resource: 'pods', name: 'p', uid})),
          allocation: {
            devices: {results: [{driver: found.driver, pool: 'pool', device: 'dev', request: 'r'}]},
          },
        },
      };
    },
  } as unknown as KubeClient;
  resources = await DynamicResources.start({
    config: {rootDir: root, nodeName: 'n1'},
    client,
    clock: realClock,
    log: silent,
    node: () => undefined,
    onPods: () => undefined,
  });
  await resources.handler.register(plugin(), new AbortController().signal);
});

afterEach(async () => {
  await resources.stop();
  await server.close();
  await rm(root, {recursive: true});
});

const plugin = () => ({
  type: 'DRAPlugin',
  name: driver,
  endpoint: `${root}/d.sock`,
  supportedVersions: ['v1.DRAPlugin'],
});
const pod = (uid: string): Pod => ({
  metadata: {name: 'p', namespace: 'ns', uid, resourceVersion: '1'},
  spec: {containers: [], resourceClaims: [{name: 'gpu', resourceClaimName: 'c'}]},
});
const prepare = (uid = 'pod-1') => resources.prepare(pod(uid), AbortSignal.timeout(10_000));

describe('claims are prepared', () => {
  it.each<[string, () => void, string]>([
    ['not one that does not exist', () => claims.clear(), 'fetch ResourceClaim c: not found'],
    [
      'not without the driver',
      () => claims.set('c', {uid: 'claim-1', driver: 'unknown', reservedFor: ['pod-1']}),
      'DRA driver unknown is not registered',
    ],
    [
      'not one that is kept for others',
      () => claims.set('c', {uid: 'claim-1', driver, reservedFor: ['pod-2']}),
      'not allowed to use ResourceClaim c',
    ],
    [
      'not where the driver leaves one out',
      () => {
        answer = undefined;
      },
      'NodePrepareResources skipped 1 ResourceClaims',
    ],
    [
      'not where the driver says so',
      () => {
        answer = {error: 'broken'};
      },
      'NodePrepareResources failed for ResourceClaim c: broken',
    ],
  ])('%s', async (_name, change, error) => {
    change();
    await expect(prepare()).rejects.toThrow(error);
  });

  it('once for all of their pods', async () => {
    await prepare();
    await prepare('pod-2');
    expect(asked).toEqual(['prepare claim-1']);
  });

  it('with a share of a device', async () => {
    answer = {devices: [{shareId: 'share-1'}]};
    await prepare();
    expect(asked).toEqual(['prepare claim-1']);
  });

  it('not anew by another claim of the same name', async () => {
    await prepare();
    claims.set('c', {uid: 'claim-2', driver, reservedFor: ['pod-1']});
    await expect(prepare()).rejects.toThrow('different UID claim-1 still exists');
  });

  it('not while their driver is away, even those that are', async () => {
    await prepare();
    await resources.handler.deregister(plugin());
    await expect(prepare('pod-2')).rejects.toThrow(`DRA driver ${driver} is not registered`);
  });
});

describe('claims are given back', () => {
  it('by the last of their pods', async () => {
    await prepare();
    await prepare('pod-2');
    await resources.unprepare('pod-1');
    expect([asked, resources.holds('pod-1')]).toEqual([['prepare claim-1'], false]);
    await resources.unprepare('pod-2');
    expect([asked, resources.holds('pod-2')]).toEqual([['prepare claim-1', 'unprepare claim-1'], false]);
  });

  it.each<[string, Answer, string]>([
    ['leaves one out', undefined, 'NodeUnprepareResources skipped 1 ResourceClaims'],
    ['says so', {error: 'busy'}, 'NodeUnprepareResources failed for ResourceClaim c: busy'],
  ])('not where the driver %s', async (_name, told, error) => {
    await prepare();
    answer = told;
    await expect(resources.unprepare('pod-1')).rejects.toThrow(error);
    expect(resources.holds('pod-1')).toBe(true);
  });

  it('not while their driver is away', async () => {
    await prepare();
    await resources.handler.deregister(plugin());
    await expect(resources.unprepare('pod-1')).rejects.toThrow(`DRA driver ${driver} is not registered`);
    expect(resources.holds('pod-1')).toBe(true);
  });
});
