import {createClient} from '@connectrpc/connect';
import {DevicePlugin, Registration} from '../../../src/edges/devices/gen/deviceplugin_pb.ts';
import {type GrpcServer, serveGrpc, unknownError} from '../../../src/edges/http/grpc-server.ts';
import {grpcOverSocket} from '../../../src/edges/http/unix-grpc.ts';

export type TestDevice = {
  readonly ID: string;
  readonly health: 'Healthy' | 'Unhealthy';
  readonly node?: number;
};

/** A small device plugin, with what it was asked for. */
export type TestPlugin = {
  readonly resource: string;
  readonly allocated: string[][];
  readonly preStarted: string[][];
  /** The next Allocate fails with these words. */
  failNext(message: string): void;
  tell(devices: readonly TestDevice[]): void;
  register(): Promise<void>;
  /** Its process ends; the socket goes. */
  end(): Promise<void>;
};

export const resource = 'test.nodectl.dev/null';

export async function startPlugin(
  directory: string,
  first: readonly TestDevice[],
  name = resource,
): Promise<TestPlugin> {
  const endpoint = `${name.replace('/', '-')}.sock`;
  const allocated: string[][] = [];
  const preStarted: string[][] = [];
  const told = new EventTarget();
  const ended = new AbortController();
  let devices = first;
  let failure: string | undefined;
  const server: GrpcServer = await serveGrpc(`${directory}/${endpoint}`, (router) =>
    router.service(DevicePlugin, {
      getDevicePluginOptions: () => ({preStartRequired: true, getPreferredAllocationAvailable: true}),
      async *listAndWatch(_request, {signal}) {
        const both = AbortSignal.any([signal, ended.signal]);
        while (!both.aborted) {
          const next = Promise.withResolvers<void>();
          told.addEventListener('told', () => next.resolve(), {once: true});
          both.addEventListener('abort', () => next.resolve(), {once: true});
          yield {devices: devices.map(message)};
          await next.promise;
        }
      },
      // The highest first: nobody else would choose so.
      getPreferredAllocation: ({containerRequests: [request]}) => ({
        containerResponses: [
          {
            deviceIDs: (request?.availableDeviceIDs ?? [])
              .sort()
              .reverse()
              .slice(0, request?.allocationSize ?? 0),
          },
        ],
      }),
      allocate({containerRequests: [request]}) {
        const ids = request?.devicesIds ?? [];
        if (failure !== undefined) {
          const words = failure;
          failure = undefined;
          throw unknownError(words);
        }
        allocated.push(ids);
        return {containerResponses: [grant(ids, directory)]};
      },
      preStartContainer({devicesIds}) {
        preStarted.push(devicesIds);
        return {};
      },
    }),
  );
  return {
    resource: name,
    allocated,
    preStarted,
    failNext: (words) => {
      failure = words;
    },
    tell(now) {
      devices = now;
      told.dispatchEvent(new Event('told'));
    },
    register: () => register(`${directory}/kubelet.sock`, endpoint, name),
    async end() {
      ended.abort();
      await server.close();
    },
  };
}

function message({ID, health, node}: TestDevice) {
  return {ID, health, ...(node === undefined ? {} : {topology: {nodes: [{ID: BigInt(node)}]}})};
}

function grant(ids: readonly string[], directory: string) {
  return {
    envs: {OWN_DEVICES: ids.join(',')},
    mounts: [{containerPath: '/plugin', hostPath: directory, readOnly: true}],
    devices: ids.map((id) => ({containerPath: `/dev/own-${id}`, hostPath: '/dev/null', permissions: 'rw'})),
    annotations: {'test.nodectl.dev/ids': ids.join(',')},
    cdiDevices: [],
  };
}

export async function register(
  socket: string,
  endpoint: string,
  resourceName: string,
  version = 'v1beta1',
): Promise<void> {
  const {transport, close} = grpcOverSocket(socket, 10_000);
  try {
    await createClient(Registration, transport).register({version, endpoint, resourceName});
  } finally {
    close();
  }
}

export const healthy = (...ids: readonly string[]): TestDevice[] =>
  ids.map((ID) => ({ID, health: 'Healthy'}));
