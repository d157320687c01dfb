import {fromBinary, toBinary} from '@bufbuild/protobuf';
import {createClient} from '@connectrpc/connect';
import {grpcOverSocket} from '../http/unix-grpc.ts';
import {
  type ContainerAllocateResponse,
  ContainerAllocateResponseSchema,
  type Device,
  DevicePlugin,
} from './gen/deviceplugin_pb.ts';

/** What a plugin wants done to a container that uses its devices. */
export type DeviceGrant = Pick<
  ContainerAllocateResponse,
  'envs' | 'mounts' | 'devices' | 'annotations' | 'cdiDevices'
>;

export type PluginOptions = {
  readonly preStartRequired: boolean;
  readonly getPreferredAllocationAvailable: boolean;
};

export type PluginDevice = {
  readonly id: string;
  readonly healthy: boolean;
  /** NUMA nodes that it is near to; empty where the plugin does not say. */
  readonly nodes: readonly number[];
};

export type DevicePluginClient = {
  options(signal: AbortSignal): Promise<PluginOptions>;
  /** Each new list of the plugin's devices; ends, or throws, when the plugin goes. */
  watch(signal: AbortSignal): AsyncIterable<readonly PluginDevice[]>;
  preferred(
    available: readonly string[],
    mustInclude: readonly string[],
    size: number,
  ): Promise<readonly string[]>;
  /** Undefined where the plugin answers for no container. */
  allocate(ids: readonly string[]): Promise<DeviceGrant | undefined>;
  preStart(ids: readonly string[]): Promise<void>;
  close(): void;
};

/** Kubernetes waits without end; a plugin that hangs must not hold up every pod of the node. */
const timeoutMs = 120_000;
/** The kubelet waits so long for a plugin's socket to answer at all. */
const connectTimeoutMs = 10_000;
/** deviceplugin v1beta1, KubeletPreStartContainerRPCTimeoutInSecs. */
const preStartTimeoutMs = 30_000;

export function connectDevicePlugin(socket: string): DevicePluginClient {
  const {transport, close} = grpcOverSocket(socket, timeoutMs);
  const client = createClient(DevicePlugin, transport);
  return {
    async options(signal) {
      const {preStartRequired, getPreferredAllocationAvailable} = await client.getDevicePluginOptions(
        {},
        {signal, timeoutMs: connectTimeoutMs},
      );
      return {preStartRequired, getPreferredAllocationAvailable};
    },
    async *watch(signal) {
      for await (const {devices} of client.listAndWatch({}, {signal, timeoutMs: 0}))
        yield devices.map(deviceOf);
    },
    async preferred(available, mustInclude, size) {
      const request = {
        availableDeviceIDs: [...available],
        mustIncludeDeviceIDs: [...mustInclude],
        allocationSize: size,
      };
      const {containerResponses} = await client.getPreferredAllocation({containerRequests: [request]});
      return containerResponses[0]?.deviceIDs ?? [];
    },
    async allocate(ids) {
      const {containerResponses} = await client.allocate({containerRequests: [{devicesIds: [...ids]}]});
      return containerResponses[0];
    },
    async preStart(ids) {
      await client.preStartContainer({devicesIds: [...ids]}, {timeoutMs: preStartTimeoutMs});
    },
    close,
  };
}

function deviceOf({ID, health, topology}: Device): PluginDevice {
  const nodes = (topology?.nodes ?? []).map((node) => Number(node.ID));
  return {id: ID, healthy: health === 'Healthy', nodes};
}

/** A grant as the checkpoint keeps it. */
export function grantBytes(grant: DeviceGrant): Uint8Array {
  return toBinary(ContainerAllocateResponseSchema, {
    $typeName: 'v1beta1.ContainerAllocateResponse',
    ...grant,
  });
}

/** @throws for bytes that are none */
export function grantOf(bytes: Uint8Array): DeviceGrant {
  return fromBinary(ContainerAllocateResponseSchema, bytes);
}
