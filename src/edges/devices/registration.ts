import {describeError} from '../../lib/errors.ts';
import {type GrpcServer, serveGrpc, unknownError} from '../http/grpc-server.ts';
import {Registration} from './gen/deviceplugin_pb.ts';

export type DeviceRegistration = {
  readonly version: string;
  /** The name of a socket in the same directory. */
  readonly endpoint: string;
  readonly resourceName: string;
};

/** Where device plugins register by themselves (deviceplugin v1beta1). What `onRegister` throws, they are told. */
export function serveRegistration(
  path: string,
  onRegister: (registration: DeviceRegistration) => Promise<void>,
): Promise<GrpcServer> {
  return serveGrpc(path, (router) =>
    router.service(Registration, {
      async register({version, endpoint, resourceName}) {
        try {
          await onRegister({version, endpoint, resourceName});
        } catch (error) {
          throw unknownError(describeError(error));
        }
        return {};
      },
    }),
  );
}
