import {type Client, Code, ConnectError, createClient} from '@connectrpc/connect';
import {grpcOverSocket, type OnCall, timed} from '../http/unix-grpc.ts';
import {Node} from './gen/csi_pb.ts';

/** A driver's node service. */
export type CsiNodeService = Client<typeof Node>;

export type CsiConnection = {readonly node: CsiNodeService; close(): void};

/** pkg/volume/csi: no call of a driver takes longer. */
const timeoutMs = 120_000;

export function connectCsi(endpoint: string, onCall: OnCall = () => {}): CsiConnection {
  const {transport, close} = grpcOverSocket(endpoint, timeoutMs, [timed(onCall)]);
  return {node: createClient(Node, transport), close};
}

/** Answers after which the driver may still be at work (csi_client.go, isFinalError). */
const pending: readonly Code[] = [
  Code.Canceled,
  Code.DeadlineExceeded,
  Code.Unavailable,
  Code.ResourceExhausted,
  Code.Aborted,
];

/**
 * The driver itself has said that the operation has failed and is over. A connection that broke, or an answer that
 * never came, says nothing about what the driver has done.
 */
export function isFinal(error: unknown): boolean {
  return error instanceof ConnectError && error.isWireError && !pending.includes(error.code);
}

/** A call has failed, wherever. */
export function isRpcError(error: unknown): boolean {
  return error instanceof ConnectError;
}

/** The driver cannot do that to a volume that is in use. */
export function isFailedPrecondition(error: unknown): boolean {
  return error instanceof ConnectError && error.isWireError && error.code === Code.FailedPrecondition;
}

/** Trying again cannot help (expander.go, isInfeasibleError). */
export function isInfeasible(error: unknown): boolean {
  const hopeless: readonly Code[] = [Code.InvalidArgument, Code.OutOfRange, Code.NotFound];
  return error instanceof ConnectError && error.isWireError && hopeless.includes(error.code);
}

/** A failed call in the words that grpc-go has for it, which people look for. */
export function rpcMessage(error: unknown): string {
  if (!(error instanceof ConnectError)) return error instanceof Error ? error.message : String(error);
  return `rpc error: code = ${Code[error.code]} desc = ${error.rawMessage}`;
}
