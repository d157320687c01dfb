import {createServer, type Server} from 'node:http';
import {NodectlError} from '../../lib/errors.ts';
import {errno} from '../files/files.ts';
import {listenHost} from './listen-host.ts';

export type PlainAnswer = {
  readonly code: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
};

export type PlainServer = {readonly port: number; close(): Promise<void>};

export type PlainServerOptions = {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** `::` is IPv6 alone, and `0.0.0.0` IPv4 alone, rather than both families. */
  readonly ipv6Only?: boolean;
  /** Answers GET and HEAD by path; undefined is 404. */
  readonly answer: (
    path: string,
    query: URLSearchParams,
  ) => PlainAnswer | undefined | Promise<PlainAnswer | undefined>;
};

/** As Go's `http.NotFound` says it. */
const notFound: PlainAnswer = {
  code: 404,
  headers: {'Content-Type': 'text/plain; charset=utf-8'},
  body: '404 page not found\n',
};

/**
 * A small HTTP server for health and metrics: no TLS, no bodies, short questions.
 * @throws NodectlError ND601 when the address is taken
 */
export async function servePlain({
  host,
  port,
  ipv6Only = false,
  answer,
}: PlainServerOptions): Promise<PlainServer> {
  const server = createServer((request, response) => {
    const [path = '/', query] = (request.url ?? '/').split('?');
    void Promise.resolve(answer(path, new URLSearchParams(query)))
      .catch((): PlainAnswer => ({code: 500, body: 'internal error\n'}))
      .then((given) => {
        const {code, headers, body} = given ?? notFound;
        response.writeHead(code, {'X-Content-Type-Options': 'nosniff', ...headers});
        response.end(request.method === 'HEAD' ? '' : body);
      });
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  await listen(server, {host: ipv6Only ? host : listenHost(host), port, ipv6Only});
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, at: {host: string; port: number; ipv6Only: boolean}): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const code = errno(cause) === 'EADDRINUSE' ? 'ND601' : 'ND903';
      reject(new NodectlError(code, `cannot listen on ${at.host} port ${at.port}`, {cause}));
    });
    server.listen(at, resolve);
  });
}
