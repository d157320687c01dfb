import {Agent, request} from 'node:https';
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
  readonly readOnlyPortOpen: boolean;
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

async function isOpen(host: string, port: number): Promise<boolean> {
  return fetch(`http://${host}:${port}/pods`).then(
    () => true,
    () => false,
  );
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
      readOnlyPortOpen: await isOpen(host, 10_255),
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
