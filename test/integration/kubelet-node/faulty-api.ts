import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from 'node:http2';
import {Agent, request as httpsRequest} from 'node:https';
import type {Socket} from 'node:net';
import {generateKey, issueCertificate, publicKeyOf} from '../../../src/edges/trust/x509.ts';
import type {Sandbox} from '../../../src/sandbox/options.ts';

/** What a request is answered with in place of the API server's answer. */
export type Fault =
  | '409'
  | '429'
  /** Pages for people: the last one with a sign-in form, those before it with a 500. */
  | 'html'
  /** Watches of pods: the server has not that history any more. */
  | 'gone'
  /** The same, and the list that then comes breaks off. */
  | 'half a list'
  /** Watches of pods: cut in the middle of a character, in a line that deletes a pod. */
  | 'half a line';

/** Stands between a kubelet and its API server, and answers as an administrator until it is told to misbehave. */
export type FaultyApi = {
  readonly url: string;
  /** So many of the requests that the fault is about are answered like this; all connections end now. */
  misbehave(fault: Fault, times: number): void;
  /** How many are still to be answered wrongly. */
  left(): number;
  /** Takes no connections, and ends those there are. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
};

export async function startFaultyApi(sandbox: Sandbox, address: string): Promise<FaultyApi> {
  const issue = async (organizations: string[], usage: 'client auth' | 'server auth') => {
    const key = generateKey();
    const cert = await issueCertificate({
      ca: sandbox.ca,
      commonName: 'faulty',
      organizations,
      ipAddresses: [address],
      subject: {publicKey: publicKeyOf(key)},
      usages: ['digital signature', usage],
      days: 1,
    });
    return {key, cert};
  };
  const ca = sandbox.ca.cert;
  const agent = new Agent({...(await issue(['system:masters'], 'client auth')), ca, keepAlive: true});
  let fault: Fault | undefined;
  let times = 0;
  const server = createSecureServer(
    {...(await issue([], 'server auth')), ca, requestCert: true, allowHTTP1: true},
    (request, response) => {
      const isFor = fault !== undefined && times > 0 && concerns(fault, request);
      if (fault !== undefined && isFor) {
        times--;
        misbehave(fault, times, request, response);
      } else forward(request, response);
    },
  );
  const forward = (request: Http2ServerRequest, response: Http2ServerResponse): void => {
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => !/^(:|host$|connection$|upgrade$)/.test(name)),
    );
    const asked = httpsRequest(
      `${sandbox.url}${request.url}`,
      {method: request.method, headers, agent},
      (answer) => {
        const told = Object.entries(answer.headers).filter(
          ([name]) => !/^(connection|keep-alive|transfer-encoding)$/.test(name),
        );
        response.writeHead(answer.statusCode ?? 500, Object.fromEntries(told));
        answer.pipe(response);
      },
    );
    asked.on('error', () => response.destroy());
    response.on('close', () => asked.destroy());
    request.pipe(asked);
  };
  const sessions = new Set<Http2Session>();
  const sockets = new Set<Socket>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  });
  const drop = () => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
  };
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, address, resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      drop();
    });
  await listen(0);
  const at = server.address();
  const port = typeof at === 'object' && at !== null ? at.port : 0;
  return {
    url: `https://${address}:${port}`,
    misbehave(how, count) {
      [fault, times] = [how, count];
      drop();
    },
    left: () => times,
    down: stop,
    up: () => listen(port),
    async close() {
      if (server.listening) await stop();
      agent.destroy();
    },
  };
}

/** Conflicts are answers to writes; leases go on, or the node would be lost for another reason. */
function concerns(fault: Fault, {method = '', url = ''}: Http2ServerRequest): boolean {
  if (url.includes('/leases')) return false;
  if (fault === '409') return method === 'PATCH' || method === 'PUT';
  return !isOfPods(fault) || (method === 'GET' && /^\/api\/v1\/pods\?/.test(url));
}

function isOfPods(fault: Fault): boolean {
  return fault === 'gone' || fault === 'half a list' || fault === 'half a line';
}

function status(code: number, reason: string): object {
  return {kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: 'misbehaving'};
}

/** Each answer is cut so that what came before looks like a whole object. */
function misbehave(
  fault: Fault,
  left: number,
  {url}: Http2ServerRequest,
  response: Http2ServerResponse,
): void {
  const json = {'content-type': 'application/json'};
  switch (fault) {
    case '429':
      response.writeHead(429, {...json, 'retry-after': '1'});
      response.end(JSON.stringify(status(429, 'TooManyRequests')));
      break;
    case '409':
      response.writeHead(409, json);
      response.end(JSON.stringify(status(409, 'Conflict')));
      break;
    case 'html':
      response.writeHead(left === 0 ? 200 : 500, {'content-type': 'text/html'});
      response.end(left === 0 ? '<html>Sign in</html>' : '<html><h1>No server is available</h1></html>');
      break;
    case 'half a list':
      if (!isFollowing(url)) {
        response.writeHead(200, json);
        response.write('{"metadata":{"resourceVersion":"999999"},"items":[', () => response.destroy());
        break;
      }
      gone(response);
      break;
    case 'gone':
      gone(response);
      break;
    case 'half a line': {
      const metadata = {namespace: 'default', name: 'steady', resourceVersion: '999999', labels: {a: 'é'}};
      const line = Buffer.from(JSON.stringify({type: 'DELETED', object: {metadata}}));
      response.writeHead(200, json);
      response.write(line.subarray(0, line.indexOf('é') + 1), () => response.destroy());
    }
  }
}

/** A watch that goes on, not one that begins with a list. */
function isFollowing(url: string): boolean {
  const {searchParams} = new URL(url, 'https://api');
  return searchParams.has('watch') && searchParams.get('sendInitialEvents') !== 'true';
}

function gone(response: Http2ServerResponse): void {
  response.writeHead(200, {'content-type': 'application/json'});
  response.end(`${JSON.stringify({type: 'ERROR', object: status(410, 'Expired')})}\n`);
}
