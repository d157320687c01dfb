import {rmSync} from 'node:fs';
import {mkdir, writeFile} from 'node:fs/promises';
import {DRAResourceHealth, HealthStatus} from '../../../src/edges/dra/gen/dra_health_pb.ts';
import {DRAPlugin} from '../../../src/edges/dra/gen/dra_v1_pb.ts';
import {type GrpcServer, serveGrpc, unknownError} from '../../../src/edges/http/grpc-server.ts';
import {Registration} from '../../../src/edges/plugin-registration/gen/pluginregistration_pb.ts';

export const driverName = 'gpu.test.nodectl.dev';

type Call = 'prepare' | 'unprepare';

/** A small DRA driver: registration and service on one socket, real CDI specifications for the runtime. */
export type TestDriver = {
  /** What it was asked for, in order: `prepare NAME`, `unprepare NAME`. */
  readonly asked: string[];
  /** One of its calls fails with these words, until it is told otherwise. */
  fail(what: Call, words: string): void;
  mend(): void;
  tellHealth(health: HealthStatus, message: string): void;
  /** Its process ends; the socket goes. */
  end(): Promise<void>;
};

export async function startDriver(registry: string, cdiDirectory: string): Promise<TestDriver> {
  const path = `${registry}/${driverName}.sock`;
  const asked: string[] = [];
  const told = new EventTarget();
  const ended = new AbortController();
  let failure: {what: Call; words: string} | undefined;
  let health = {status: HealthStatus.HEALTHY, message: ''};
  await mkdir(registry, {recursive: true});
  await mkdir(cdiDirectory, {recursive: true});
  const note = (what: Call, claims: readonly {name: string}[]) => {
    for (const {name} of claims) asked.push(`${what} ${name}`);
    if (failure?.what === what) throw unknownError(failure.words);
  };
  const server: GrpcServer = await serveGrpc(path, (router) =>
    router
      .service(Registration, {
        getInfo: () => ({
          type: 'DRAPlugin',
          name: driverName,
          supportedVersions: ['v9.DRAPlugin', 'v1.DRAPlugin'],
        }),
        notifyRegistrationStatus: () => ({}),
      })
      .service(DRAPlugin, {
        async nodePrepareResources({claims}) {
          note('prepare', claims);
          for (const {name} of claims) await writeCdi(cdiDirectory, name);
          return {claims: Object.fromEntries(claims.map(({uid, name}) => [uid, {devices: devicesOf(name)}]))};
        },
        nodeUnprepareResources({claims}) {
          note('unprepare', claims);
          for (const {name} of claims) rmSync(`${cdiDirectory}/${name}.json`, {force: true});
          return {claims: Object.fromEntries(claims.map(({uid}) => [uid, {}]))};
        },
      })
      .service(DRAResourceHealth, {
        async *nodeWatchResources(_request, {signal}) {
          const both = AbortSignal.any([signal, ended.signal]);
          while (!both.aborted) {
            const next = Promise.withResolvers<void>();
            told.addEventListener('told', () => next.resolve(), {once: true});
            both.addEventListener('abort', () => next.resolve(), {once: true});
            const {status, message} = health;
            yield {devices: [{device: {poolName: 'pool', deviceName: 'one'}, health: status, message}]};
            await next.promise;
          }
        },
      }),
  );
  return {
    asked,
    fail(what, words) {
      failure = {what, words};
    },
    mend() {
      failure = undefined;
    },
    tellHealth(status, message) {
      health = {status, message};
      told.dispatchEvent(new Event('told'));
    },
    async end() {
      ended.abort();
      await server.close();
    },
  };
}

/** Two devices, each for a request of its own. */
function devicesOf(claim: string) {
  return ['one', 'two'].map((request) => ({
    poolName: 'pool',
    deviceName: request,
    requestNames: [request],
    cdiDeviceIds: [`nodectl.test/gpu=${claim}-${request}`],
  }));
}

/** Each device adds a variable of its own to the container. */
function writeCdi(directory: string, claim: string): Promise<void> {
  const devices = ['one', 'two'].map((request) => ({
    name: `${claim}-${request}`,
    containerEdits: {env: [`GPU_${request.toUpperCase()}=${claim}`]},
  }));
  const spec = {cdiVersion: '0.5.0', kind: 'nodectl.test/gpu', devices};
  return writeFile(`${directory}/${claim}.json`, JSON.stringify(spec));
}
