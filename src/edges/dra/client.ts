import {createClient} from '@connectrpc/connect';
import {rpcMessage} from '../csi/client.ts';
import {grpcOverSocket, type OnCall, timed} from '../http/unix-grpc.ts';
import {DRAResourceHealth, HealthStatus} from './gen/dra_health_pb.ts';
import {DRAPlugin as DRAPluginV1} from './gen/dra_v1_pb.ts';
import {DRAPlugin as DRAPluginV1beta1} from './gen/dra_v1beta1_pb.ts';

/** What a driver announces, the first one that we know being taken (pkg/kubelet/cm/dra/plugin). */
export const draServices = ['v1.DRAPlugin', 'v1beta1.DRAPlugin'] as const;
export type DraService = (typeof draServices)[number];

export type DraClaim = {readonly namespace: string; readonly uid: string; readonly name: string};

/** A device of a claim as its driver prepared it. */
export type DraDevice = {
  readonly pool: string;
  readonly device: string;
  readonly shareId?: string;
  /** Requests of the claim that it is for; none: for all. */
  readonly requests: readonly string[];
  /** Fully qualified names of the Container Device Interface. */
  readonly cdiDevices: readonly string[];
};

export type Prepared = {readonly error: string; readonly devices: readonly DraDevice[]};

export type DraHealth = 'Healthy' | 'Unhealthy' | 'Unknown';

export type DeviceHealth = {
  readonly pool: string;
  readonly device: string;
  readonly health: DraHealth;
  /** How long that holds without another word; 0: as long as the kubelet thinks fit. */
  readonly timeoutSeconds: number;
  readonly message: string;
};

export type DraClient = {
  /** By the uid of the claim. @throws with gRPC's words */
  prepare(claims: readonly DraClaim[], signal: AbortSignal): Promise<ReadonlyMap<string, Prepared>>;
  /** The error by the uid of the claim, '' where there is none. @throws with gRPC's words */
  unprepare(claims: readonly DraClaim[]): Promise<ReadonlyMap<string, string>>;
  /** Each new word on the driver's devices; throws where the driver has none to give. */
  watchHealth(signal: AbortSignal): AsyncIterable<readonly DeviceHealth[]>;
  /** Whether somebody serves the socket; dials where nobody did. */
  isServed(): Promise<boolean>;
  close(): void;
};

/** defaultClientCallTimeout. */
const timeoutMs = 45_000;

export function connectDraPlugin(endpoint: string, service: DraService, onCall: OnCall): DraClient {
  const {transport, close, isServed} = grpcOverSocket(endpoint, timeoutMs, [timed(onCall)]);
  const client =
    service === 'v1.DRAPlugin'
      ? createClient(DRAPluginV1, transport)
      : createClient(DRAPluginV1beta1, transport);
  const health = createClient(DRAResourceHealth, transport);
  return {
    async prepare(claims, signal) {
      const call = client.nodePrepareResources({claims: [...claims]}, {signal});
      const answer = await told<Answer<Result>>('NodePrepareResources', call);
      return new Map(Object.entries(answer.claims).map(([uid, result]) => [uid, preparedOf(result)]));
    },
    async unprepare(claims) {
      const call = client.nodeUnprepareResources({claims: [...claims]});
      const answer = await told<Answer<{error: string}>>('NodeUnprepareResources', call);
      return new Map(Object.entries(answer.claims).map(([uid, {error}]) => [uid, error]));
    },
    async *watchHealth(signal) {
      for await (const {devices} of health.nodeWatchResources({}, {signal, timeoutMs: 0}))
        yield devices.map(({device, health: status, healthCheckTimeoutSeconds, message}) => ({
          pool: device?.poolName ?? '',
          device: device?.deviceName ?? '',
          health: healthOf(status),
          timeoutSeconds: Math.max(0, Number(healthCheckTimeoutSeconds)),
          message,
        }));
    },
    isServed,
    close,
  };
}

async function told<T>(method: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new Error(`${method}: ${rpcMessage(error)}`, {cause: error});
  }
}

type Answer<T> = {readonly claims: Readonly<Record<string, T>>};

type Result = {
  readonly error: string;
  readonly devices: readonly {
    readonly poolName: string;
    readonly deviceName: string;
    readonly shareId?: string;
    readonly requestNames: readonly string[];
    readonly cdiDeviceIds: readonly string[];
  }[];
};

function preparedOf({error, devices}: Result): Prepared {
  return {
    error,
    devices: devices.map(({poolName, deviceName, shareId, requestNames, cdiDeviceIds}) => ({
      pool: poolName,
      device: deviceName,
      ...(shareId === undefined ? {} : {shareId}),
      requests: requestNames,
      cdiDevices: cdiDeviceIds,
    })),
  };
}

function healthOf(status: HealthStatus): DraHealth {
  switch (status) {
    case HealthStatus.HEALTHY:
      return 'Healthy';
    case HealthStatus.UNHEALTHY:
      return 'Unhealthy';
    default:
      return 'Unknown';
  }
}
