import {Agent, request} from 'node:https';
import {connect} from 'node:net';
import {type ConnectionOptions, connect as connectTls} from 'node:tls';
import {loadKubeconfig} from '../../../src/edges/kube/connection.ts';
import {connectKube} from '../../../src/edges/kube/http-client.ts';

/**
 * A program of its own, to be run on another machine of the LAN: asks a kubelet for every route by every method, with
 * no credentials and with a pod's token, and prints what it answered, and the kubelet's configuration as its
 * administrator sees it. KUBECONFIG NODE ADDRESS
 */
const routes = [
  '/pods',
  '/runningpods/',
  '/configz',
  '/healthz',
  '/metrics',
  '/metrics/cadvisor',
  '/metrics/resource',
  '/metrics/probes',
  '/metrics/slis',
  '/stats/summary',
  '/logs/',
  '/containerLogs/default/p/c',
  '/exec/default/p/c?command=id&output=1',
  '/attach/default/p/c?output=1',
  '/run/default/p/c?cmd=id',
  '/portForward/default/p',
  '/checkpoint/default/p/c',
  '/debug/pprof/profile',
  '/statusz',
  '/flagz',
  '/',
];
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export type Probed = {
  readonly anonymous: Readonly<Record<string, number>>;
  readonly pod: Readonly<Record<string, number>>;
  /** Of what must not be seen from outside: the read-only port, and health and metrics of kubelet and proxy. */
  readonly openPorts: readonly number[];
  /** What the server takes of what is not safe: versions and suites of TLS. */
  readonly unsafe: readonly string[];
  readonly configz: {readonly kubeletconfig: Readonly<Record<string, unknown>>};
};

type Asked = {readonly status: number; readonly body: string};

const agent = new Agent({keepAlive: true, maxSockets: 2, rejectUnauthorized: false});

function ask(host: string, method: string, path: string, token?: string): Promise<Asked> {
  const headers = token === undefined ? {} : {authorization: `Bearer ${token}`};
  return new Promise((resolve, reject) => {
    const asked = request({host, port: 10_250, method, path, headers, agent}, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({status: response.statusCode ?? 0, body}));
    });
    asked.on('error', reject).end();
  });
}

async function each(host: string, token?: string): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  for (const path of routes)
    for (const method of methods)
      answers[`${method} ${path}`] = (await ask(host, method, path, token)).status;
  return answers;
}

const insidePorts = [10_255, 10_248, 10_249];

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({host, port}, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Names of OpenSSL; what Go calls TLS_RSA_… and …_CBC_SHA, and versions that nobody may speak any more. */
const unsafe: Readonly<Record<string, ConnectionOptions>> = {
  'TLS 1.0': {minVersion: 'TLSv1', maxVersion: 'TLSv1'},
  'TLS 1.1': {minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1'},
  ...Object.fromEntries(
    [
      'AES128-SHA',
      'AES256-SHA',
      'AES128-GCM-SHA256',
      'AES256-GCM-SHA384',
      'ECDHE-RSA-AES128-SHA',
      'ECDHE-ECDSA-AES128-SHA',
      'ECDHE-ECDSA-AES256-SHA',
      'ECDHE-ECDSA-AES128-SHA256',
    ].map((suite) => [suite, {ciphers: suite, maxVersion: 'TLSv1.2'} as const]),
  ),
};

function speaks(host: string, {ciphers = 'DEFAULT', ...options}: ConnectionOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const words = {...options, ciphers: `${ciphers}:@SECLEVEL=0`, host, port: 10_250};
    const socket = connectTls({...words, rejectUnauthorized: false}, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function those<T>(all: readonly T[], holds: (one: T) => Promise<boolean>): Promise<T[]> {
  const found = await Promise.all(all.map(holds));
  return all.filter((_, at) => found[at]);
}

async function probe(kubeconfig: string, node: string, host: string): Promise<Probed> {
  const client = connectKube(await loadKubeconfig(kubeconfig));
  try {
    const {status} = await client.request<{status: {token: string}}>(
      'POST',
      '/api/v1/namespaces/default/serviceaccounts/default/token',
      {apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {}},
    );
    return {
      anonymous: await each(host),
      pod: await each(host, status.token),
      openPorts: await those(insidePorts, (port) => isOpen(host, port)),
      unsafe: await those(['TLS 1.2', ...Object.keys(unsafe)], (name) =>
        speaks(host, unsafe[name] ?? {maxVersion: 'TLSv1.2'}),
      ),
      configz: await client.request('GET', `/api/v1/nodes/${node}/proxy/configz`),
    };
  } finally {
    agent.destroy();
    await client.close();
  }
}

const [kubeconfig, node, host] = process.argv.slice(2);
if (kubeconfig !== undefined && node !== undefined && host !== undefined)
  process.stdout.write(JSON.stringify(await probe(kubeconfig, node, host)));
