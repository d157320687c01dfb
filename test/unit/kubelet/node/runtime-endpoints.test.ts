import {mkdtempSync, rmSync} from 'node:fs';
import {createServer, type Http2Server} from 'node:http2';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import {connectRuntime} from '../../../../src/kubelet/agent/startup.ts';

const {config} = loadKubeletConfig([], {}, 'n1');
let directory = '';
const servers: Http2Server[] = [];
let asked: string[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nodectl-endpoints-'));
  asked = [];
});
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  rmSync(directory, {recursive: true});
});

/** A runtime that knows no call, and notes what it was asked. */
async function serve(name: string): Promise<string> {
  const server = createServer();
  servers.push(server);
  server.on('stream', (stream, headers) => {
    asked.push(`${name} ${String(headers[':path']).split('/').at(-1)}`);
    stream.on('error', () => undefined);
    stream.respond(
      {':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12'},
      {endStream: true},
    );
  });
  const path = join(directory, name);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return `unix://${path}`;
}

it.each([
  ['the runtime itself without an endpoint of their own', false, 'runtime'],
  ['their own endpoint', true, 'images'],
])('images are asked of %s', async (_, hasOwn, expected) => {
  const containerRuntimeEndpoint = await serve('runtime');
  const imageServiceEndpoint = hasOwn ? await serve('images') : '';
  const cri = connectRuntime({...config, containerRuntimeEndpoint, imageServiceEndpoint}, () => undefined);
  await expect(cri.runtime.status({})).rejects.toThrow();
  await expect(cri.images.imageStatus({image: {image: 'a'}})).rejects.toThrow();
  cri.close();
  expect(asked).toEqual(['runtime Status', `${expected} ImageStatus`]);
});
