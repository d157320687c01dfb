import {createHash} from 'node:crypto';
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {fetchVerified} from '../../../src/edges/install/archives.ts';

const content = Buffer.alloc(3_000_000, 'release');
const sha256 = createHash('sha256').update(content).digest('hex');
let server: Server;
let base: string;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodectl-archives-'));
  server = createServer((request, response) => {
    if (request.url === '/moved') response.writeHead(302, {Location: '/file'}).end();
    else if (request.url === '/file') response.end(content);
    else if (request.url === '/cut') {
      response.writeHead(200, {'Content-Length': content.length});
      response.write(content.subarray(0, 1000), () => response.destroy());
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(dir, {recursive: true});
});

function fetch(name: string, digest = sha256): Promise<void> {
  return fetchVerified({kind: 'url', base}, {name, sha256: digest}, join(dir, 'out'));
}

it('follows where a release is stored', async () => {
  await fetch('moved');
  expect(Buffer.compare(await readFile(join(dir, 'out')), content)).toBe(0);
});

it.each([
  ['another content', 'file', '0'.repeat(64), 'ND522'],
  ['an answer that was cut off', 'cut', sha256, 'ND523'],
  ['an absent file', 'absent', sha256, 'ND523'],
])('leaves nothing of %s', async (_, name, digest, code) => {
  await expect(fetch(name, digest)).rejects.toMatchObject({code});
  expect(await readdir(dir)).toEqual([]);
});
