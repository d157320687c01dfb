import {createClient} from '@connectrpc/connect';
import {grpcOverSocket} from '../http/unix-grpc.ts';
import {Registration} from './gen/pluginregistration_pb.ts';

/** What a plugin says of itself. */
export type PluginInfo = {
  /** `CSIPlugin`, `DevicePlugin`, `DRAPlugin`. */
  readonly type: string;
  readonly name: string;
  /** Where its own service is; '': at the socket it registers with. */
  readonly endpoint: string;
  readonly supportedVersions: readonly string[];
};

export type RegistrationClient = {
  info(signal: AbortSignal): Promise<PluginInfo>;
  /** Tells the plugin what became of its registration. */
  notify(registered: boolean, error: string, signal: AbortSignal): Promise<void>;
  close(): void;
};

/** The kubelet waits ten seconds for a plugin's socket to answer at all (pluginmanager/operationexecutor). */
const timeoutMs = 10_000;

export function connectRegistration(socket: string): RegistrationClient {
  const {transport, close} = grpcOverSocket(socket, timeoutMs);
  const client = createClient(Registration, transport);
  return {
    async info(signal) {
      const {type, name, endpoint, supportedVersions} = await client.getInfo({}, {signal});
      return {type, name, endpoint, supportedVersions};
    },
    async notify(pluginRegistered, error, signal) {
      await client.notifyRegistrationStatus({pluginRegistered, error}, {signal});
    },
    close,
  };
}
