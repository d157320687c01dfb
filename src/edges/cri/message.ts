import {Code, ConnectError} from '@connectrpc/connect';
import {describeError} from '../../lib/errors.ts';
import {ContainerState, type ContainerStatus} from './gen/api_pb.ts';

/** The runtime's own words, without the code that gRPC puts before them. */
export function criMessage(error: unknown): string {
  return error instanceof ConnectError ? error.rawMessage : describeError(error);
}

/** The same as Go prints it: so Kubernetes tells of sandboxes and images, and so people look for it. */
export function goMessage(error: unknown): string {
  if (!(error instanceof ConnectError)) return describeError(error);
  return `rpc error: code = ${Code[error.code]} desc = ${error.rawMessage}`;
}

/** Of pulls a code that says nothing is left away (cri-client, remote_image.go). */
export function pullMessage(error: unknown): string {
  return error instanceof ConnectError && error.code === Code.Unknown ? error.rawMessage : goMessage(error);
}

/**
 * containerd's words for a start that ended because its caller did (we were stopped or killed in the middle of it):
 * the container never ran, and its next start is not a restart.
 */
const cutOff = /context (canceled|deadline exceeded)|failed to start shim: .*signal: killed/;

export function isCutOffStart({state, reason, message}: ContainerStatus): boolean {
  return state === ContainerState.CONTAINER_EXITED && reason === 'StartError' && cutOff.test(message);
}
