import {connect} from 'node:net';
import {Code, ConnectError, type Interceptor, type Transport} from '@connectrpc/connect';
import {createGrpcTransport, Http2SessionManager} from '@connectrpc/connect-node';

export type UnixGrpc = {
  readonly transport: Transport;
  /** Whether somebody serves the socket; dials where nobody did. */
  isServed(): Promise<boolean>;
  /** Ends the connection; calls under way fail. */
  close(): void;
};

/** As grpc-go bounds messages where nothing else is said. */
const maxMessageBytes = 4 * 1024 * 1024;

/**
 * gRPC over a unix socket (`/path` or `unix:///path`). Nothing is dialled until the first call; whoever serves the
 * socket may be restarted: the next call dials again.
 */
export function grpcOverSocket(
  endpoint: string,
  timeoutMs: number,
  interceptors: Interceptor[] = [],
): UnixGrpc {
  const path = endpoint.startsWith('unix://') ? endpoint.slice('unix://'.length) : endpoint;
  const session = new Http2SessionManager('http://localhost', {}, {createConnection: () => connect(path)});
  const transport = createGrpcTransport({
    baseUrl: 'http://localhost',
    sessionManager: session,
    defaultTimeoutMs: timeoutMs,
    interceptors,
    readMaxBytes: maxMessageBytes,
  });
  return {
    transport,
    isServed: async () => (await session.connect()) !== 'error',
    close: () => session.abort(),
  };
}

/** A call is over: `/csi.v1.Node/NodePublishVolume`, gRPC's word for its outcome, how long it took. */
export type OnCall = (method: string, code: string, seconds: number) => void;

/** Tells of each call that has one answer. */
export function timed(onCall: OnCall): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return next(request);
    const begin = performance.now();
    const tell = (code: string) =>
      onCall(`/${request.service.typeName}/${request.method.name}`, code, (performance.now() - begin) / 1000);
    try {
      const response = await next(request);
      tell('OK');
      return response;
    } catch (error) {
      tell(Code[ConnectError.from(error).code]);
      throw error;
    }
  };
}
