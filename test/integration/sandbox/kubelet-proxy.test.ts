import {once} from 'node:events';
import type {IncomingMessage} from 'node:http';
import {createServer, request, type Server} from 'node:https';
import {TLSSocket} from 'node:tls';
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {loadKubeconfig} from '../../../src/edges/kube/connection.ts';
import {createSelfSigned} from '../../../src/edges/trust/x509.ts';
import {nodes, pods, serviceAccounts} from '../../../src/lib/resources.ts';
import type {Sandbox} from '../../../src/sandbox/server.ts';
import {startServer, temporaryDir} from './server.ts';

/** A kubelet that tells what reaches it, and echoes upgraded bytes. */
type Kubelet = {
  server: Server;
  port: number;
  seen: {method: string; url: string; user: string; headers: object}[];
};

const dir = temporaryDir();
let sandbox: Sandbox;
let kubelet: Kubelet;
let credentials: {cert: string; key: string};

beforeAll(async () => {
  sandbox = await startServer(dir.path);
  const connection = await loadKubeconfig(sandbox.files.adminKubeconfig);
  if (connection.credentials.kind !== 'certificate') throw new Error('the administrator has a certificate');
  credentials = connection.credentials;
  kubelet = await startKubelet(sandbox.ca.cert);
  const addresses = [{type: 'InternalIP', address: '127.0.0.1'}];
  const status = {addresses, daemonEndpoints: {kubeletEndpoint: {Port: kubelet.port}}};
  await sandbox.client.create(nodes, {metadata: {name: 'n'}});
  const patch = {type: 'merge', body: {status}} as const;
  await sandbox.client.patch(nodes, {name: 'n', subresource: 'status'}, patch);
  await sandbox.client.create(serviceAccounts, {metadata: {name: 'default', namespace: 'default'}});
  const containers = [
    {name: 'a', image: 'i'},
    {name: 'b', image: 'i'},
  ];
  const pod = {metadata: {name: 'p', namespace: 'default'}, spec: {nodeName: 'n', containers}};
  await sandbox.client.create(pods, pod);
});
beforeEach(() => {
  kubelet.seen.length = 0;
});
afterAll(async () => {
  await sandbox.close();
  kubelet.server.closeAllConnections();
  kubelet.server.close();
  dir.remove();
});

async function startKubelet(ca: string): Promise<Kubelet> {
  const {cert, key} = await createSelfSigned({commonName: 'n', ipAddresses: ['127.0.0.1'], days: 1});
  const server = createServer({cert, key, ca, requestCert: true, rejectUnauthorized: true});
  const seen: Kubelet['seen'] = [];
  const note = ({method = '', url = '', headers, socket}: IncomingMessage) => {
    const user = socket instanceof TLSSocket ? JSON.stringify(socket.getPeerCertificate().subject) : '';
    seen.push({method, url, user, headers});
  };
  server.on('request', (incoming, response) => {
    note(incoming);
    if (incoming.url?.includes('follow')) {
      response.write('first\n');
      incoming.on('close', () => seen.push({method: 'closed', url: '', user: '', headers: {}}));
    } else response.end(`answer to ${incoming.url}`);
  });
  server.on('upgrade', (incoming, socket, head) => {
    note(incoming);
    if (incoming.url?.includes('refuse')) {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
      return;
    }
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\nhello ',
    );
    socket.write(head);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {server, port: address.port, seen};
}

function call(path: string, options: {method?: string; upgrade?: boolean} = {}) {
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'SPDY/3.1',
    'x-stream-protocol-version': 'v4.channel.k8s.io',
  };
  const sent = request(`${sandbox.url}${path}`, {
    method: options.method ?? 'GET',
    agent: false,
    ca: sandbox.ca.cert,
    ...credentials,
    headers: options.upgrade ? upgrade : {},
  });
  sent.end();
  return sent;
}

async function answerOf(path: string, options: {method?: string; upgrade?: boolean} = {}) {
  const [answer] = await once(call(path, options), 'response');
  let text = '';
  for await (const chunk of answer) text += chunk;
  return {code: answer.statusCode, text};
}

const pod = '/api/v1/namespaces/default/pods/p';

describe('logs', () => {
  it('come from the kubelet of the node, asked as the API server', async () => {
    const answer = await answerOf(`${pod}/log?container=a&tailLines=3&pretty=1`);
    expect(answer).toEqual({code: 200, text: 'answer to /containerLogs/default/p/a?tailLines=3'});
    expect(kubelet.seen[0]?.user).toContain('kube-apiserver-kubelet-client');
    expect(kubelet.seen[0]?.headers).not.toHaveProperty('authorization');
  });

  it('need a container where there are several, and one that exists', async () => {
    expect(await answerOf(`${pod}/log`)).toMatchObject({
      code: 400,
      text: expect.stringContaining('choose one of: [a b]'),
    });
    expect((await answerOf(`${pod}/log?container=z`)).code).toBe(400);
  });

  it('flow while they are followed, and stop with the reader', async () => {
    const sent = call(`${pod}/log?container=a&follow=true`);
    const [answer] = await once(sent, 'response');
    const [first] = await once(answer, 'data');
    expect(String(first)).toBe('first\n');
    sent.destroy();
    await expect.poll(() => kubelet.seen.map((s) => s.method)).toContain('closed');
  });
});

describe('exec and its sisters', () => {
  it('pass bytes both ways after the upgrade', async () => {
    const sent = call(`${pod}/exec?container=a&command=sh&command=-c&stdin=true&stdout=true&tty=false`, {
      method: 'POST',
      upgrade: true,
    });
    const [answer, socket, head] = await once(sent, 'upgrade');
    expect(answer.headers['x-stream-protocol-version']).toBe('v4.channel.k8s.io');
    expect(kubelet.seen[0]).toMatchObject({
      method: 'POST',
      url: '/exec/default/p/a?input=1&output=1&command=sh&command=-c',
    });
    let text = String(head);
    socket.on('data', (bytes: Buffer) => {
      text += bytes;
    });
    socket.write('there');
    await expect.poll(() => text).toBe('hello there');
    socket.end();
    await once(socket, 'close');
  });

  it('tell the kubelet’s refusal', async () => {
    const options = {method: 'POST', upgrade: true};
    expect(await answerOf(`${pod}/exec?container=a&command=refuse`, options)).toEqual({
      code: 403,
      text: 'no',
    });
  });

  it('ask for ports without a container', async () => {
    const [, socket] = await once(
      call(`${pod}/portforward?ports=80`, {method: 'POST', upgrade: true}),
      'upgrade',
    );
    expect(kubelet.seen[0]?.url).toBe('/portForward/default/p?port=80');
    socket.destroy();
  });
});

it('reaches any path of a kubelet through nodes/proxy', async () => {
  expect((await answerOf('/api/v1/nodes/n/proxy/stats/summary?a=b')).text).toBe(
    'answer to /stats/summary?a=b',
  );
});

it('says that a kubelet cannot be reached, and closes with streams open', async () => {
  const path = `${pod}/exec?container=a&command=x`;
  const [, socket] = await once(call(path, {method: 'POST', upgrade: true}), 'upgrade');
  const lost = {status: {daemonEndpoints: {kubeletEndpoint: {Port: 1}}}};
  await sandbox.client.patch(nodes, {name: 'n', subresource: 'status'}, {type: 'merge', body: lost});
  const answer = await answerOf(`${pod}/log?container=a`);
  expect(answer).toMatchObject({code: 500, text: expect.stringContaining('error dialing backend')});
  const upgraded = await answerOf(path, {method: 'POST', upgrade: true});
  expect(upgraded.code).toBe(500);
  socket.on('error', () => undefined);
  await sandbox.close();
});
