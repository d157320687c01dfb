import {ConnectError} from '@connectrpc/connect';
import {describeError} from '../../lib/errors.ts';
import {ContainerState, type ContainerStatus} from './gen/api_pb.ts';

/** The runtime's own words, without the code that gRPC puts before them. */
export function criMessage(error: unknown): string {
  return error instanceof ConnectError ? error.rawMessage : describeError(error);
}

/**
 * containerd's words for a start that ended because its caller did (we were stopped or killed in the middle of it):
 * the container never ran, and its next start is not a restart.
 */
const cutOff = /context (canceled|deadline exceeded)|failed to start shim: .*signal: killed/;

export function isCutOffStart({state, reason, message}: ContainerStatus): boolean {
  return state === ContainerState.CONTAINER_EXITED && reason === 'StartError' && cutOff.test(message);
}
