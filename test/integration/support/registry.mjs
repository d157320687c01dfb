// A registry with the images of a directory: `node registry.mjs DIR PORT`. DIR holds blobs by their digest, and
// `images.json`: repository → {manifest, login}. What lies below /v2/ with a login is only for `Basic LOGIN`.
// Each request that was answered with a manifest is a line on stdout.
import {existsSync, readFileSync} from 'node:fs';
import {createServer} from 'node:http';

const [dir, port] = process.argv.slice(2);

function answer(request, response) {
  const images = JSON.parse(readFileSync(`${dir}/images.json`, 'utf8'));
  const match = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(request.url);
  if (match === null) return response.writeHead(200).end('{}');
  const [, repository, kind, reference] = match;
  const image = images[repository];
  if (image === undefined) return response.writeHead(404).end();
  const given = Buffer.from(
    (request.headers.authorization ?? '').replace(/^Basic /, ''),
    'base64',
  ).toString();
  if (image.login !== undefined && given !== image.login)
    return response.writeHead(401, {'www-authenticate': 'Basic realm="test"'}).end();
  const digest = kind === 'manifests' && !reference.startsWith('sha256:') ? image.manifest : reference;
  if (!existsSync(`${dir}/${digest}`)) return response.writeHead(404).end();
  const body = readFileSync(`${dir}/${digest}`);
  const type = kind === 'manifests' ? JSON.parse(body).mediaType : 'application/octet-stream';
  if (kind === 'manifests') console.log(repository);
  response.writeHead(200, {
    'content-type': type,
    'content-length': body.length,
    'docker-content-digest': digest,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

createServer(answer).listen(Number(port), '127.0.0.1', () => console.log('listening'));
