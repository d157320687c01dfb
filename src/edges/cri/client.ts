import {connect} from 'node:net';
import {type Client, Code, ConnectError, createClient, type Interceptor} from '@connectrpc/connect';
import {createGrpcTransport, Http2SessionManager} from '@connectrpc/connect-node';
import {NodectlError} from '../../lib/errors.ts';
import {ImageService, RuntimeService} from './gen/api_pb.ts';
import {type RuntimeStates, type StateOptions, stateLists} from './states.ts';
import {openExchange, unaryCalls} from './unary.ts';

/** The two services of the Container Runtime Interface v1, over a unix socket. */
export type Cri = {
  readonly runtime: Client<typeof RuntimeService>;
  readonly images: Client<typeof ImageService>;
  /** What of all sandboxes and containers is asked for again and again. */
  readonly states: (options?: StateOptions) => Promise<RuntimeStates>;
  close(): void;
};

/** Told of each call that has ended: the method as the CRI names it. */
export type OnCriCall = (method: string, seconds: number, failed: boolean) => void;

/** Kubernetes' own message bound for CRI (cri-client), 16 MiB. */
const maxMessageBytes = 16 * 1024 * 1024;

/**
 * A client for `unix:///path` or a plain path. Nothing is dialled until the first call; a restarted runtime is
 * reached again by the next one.
 */
export function connectCri(endpoint: string, defaultTimeoutMs = 120_000, onCall?: OnCriCall): Cri {
  const path = socketPath(endpoint);
  const session = new Http2SessionManager('http://localhost', {}, {createConnection: () => connect(path)});
  const told = onCall === undefined ? {} : {onCall};
  const {stream} = createGrpcTransport({
    baseUrl: 'http://localhost',
    sessionManager: session,
    defaultTimeoutMs,
    readMaxBytes: maxMessageBytes,
    ...(onCall === undefined ? {} : {interceptors: [timed(onCall)]}),
  });
  const exchange = openExchange({session, defaultTimeoutMs, maxBytes: maxMessageBytes, ...told});
  const transport = {unary: unaryCalls(exchange), stream};
  return {
    runtime: createClient(RuntimeService, transport),
    images: createClient(ImageService, transport),
    states: stateLists(exchange),
    // Its own reason would be an error with headers, Node's making of which costs more than many calls.
    close: () => session.abort(new DOMException('the client is closed', 'AbortError')),
  };
}

function timed(onCall: OnCriCall): Interceptor {
  return (next) => async (request) => {
    const startMs = performance.now();
    let failed = true;
    try {
      const answer = await next(request);
      failed = false;
      return answer;
    } finally {
      onCall(request.method.name, (performance.now() - startMs) / 1000, failed);
    }
  };
}

export function socketPath(endpoint: string): string {
  if (endpoint.startsWith('unix://')) return endpoint.slice('unix://'.length);
  if (endpoint.startsWith('/')) return endpoint;
  throw new NodectlError('ND904', `container runtime endpoint ${endpoint} is not a unix socket`);
}

export function isCriNotFound(error: unknown): boolean {
  return ConnectError.from(error).code === Code.NotFound;
}

export function isCriUnimplemented(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Unimplemented;
}

/** The runtime has it in a state in which the call cannot be done. */
export function isCriPrecondition(error: unknown): boolean {
  return ConnectError.from(error).code === Code.FailedPrecondition;
}

/** Nothing answers: the runtime is down or restarting. */
export function isCriUnavailable(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Unavailable;
}

export function isCriDeadline(error: unknown): boolean {
  return ConnectError.from(error).code === Code.DeadlineExceeded;
}
