import {createHash, randomBytes} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {type FileHandle, open, readdir, rename} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import type {Readable} from 'node:stream';
import {EnvHttpProxyAgent, interceptors, request} from 'undici';
import type {ArchivePlace, Digested} from '../../config/runtime/runtime-source.ts';
import {describeError, NodectlError} from '../../lib/errors.ts';
import {makeDirectory, removeFile} from '../files/files.ts';
import {removeTree} from '../files/host-files.ts';
import {noProxyFor} from '../http/proxy-environment.ts';
import {start} from '../process/exec.ts';
import {run} from '../process/run.ts';

/**
 * Brings a file to a place, hashing it on its way; it gets its name only when it is what its digest says, so nothing
 * unverified is ever unpacked.
 * @throws NodectlError ND522 when its content is another, ND523 when it cannot be had
 */
export async function fetchVerified(place: ArchivePlace, file: Digested, to: string): Promise<void> {
  await makeDirectory(dirname(to), 0o700);
  const temporary = join(dirname(to), `.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      const actual = await copyHashed(place, file, handle);
      if (actual !== file.sha256)
        throw new NodectlError('ND522', `${describePlace(place, file)}: ${actual}, not ${file.sha256}`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, to);
  } catch (error) {
    await removeFile(temporary).catch(() => undefined);
    if (error instanceof NodectlError) throw error;
    throw new NodectlError('ND523', `${describePlace(place, file)}: ${describeError(error)}`, {cause: error});
  }
}

export function describePlace(place: ArchivePlace, {name, url}: Digested): string {
  switch (place.kind) {
    case 'origin':
      return url ?? name;
    case 'url':
      return `${place.base}/${name}`;
    case 'directory':
      return join(place.path, name);
    case 'tar':
      return `${name} in ${place.path}`;
  }
}

async function copyHashed(place: ArchivePlace, file: Digested, handle: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of await source(place, file)) {
    if (!(chunk instanceof Uint8Array)) throw new Error('not bytes');
    hash.update(chunk);
    await handle.write(chunk);
  }
  return hash.digest('hex');
}

async function source(place: ArchivePlace, file: Digested): Promise<Readable> {
  switch (place.kind) {
    case 'origin':
    case 'url':
      return download(describePlace(place, file));
    case 'directory':
      return createReadStream(join(place.path, file.name));
    case 'tar':
      return member(place.path, file.name).stdout;
  }
}

const headersMs = 30_000;

/** Through the proxy of the environment; releases are redirected to where they are stored. */
async function download(url: string): Promise<Readable> {
  const proxied = new EnvHttpProxyAgent({noProxy: noProxyFor(url)});
  const agent = proxied.compose(interceptors.redirect({maxRedirections: 5}));
  const {statusCode, body} = await request(url, {
    dispatcher: agent,
    headersTimeout: headersMs,
    bodyTimeout: headersMs,
  });
  if (statusCode === 200) return body;
  await body.dump();
  throw new Error(`it answers ${statusCode}`);
}

function member(path: string, name: string) {
  return start('tar', ['--extract', '--to-stdout', '--file', path, name], {timeoutMs: 600_000});
}

/** A small text, such as the digests with which all else is verified. */
export async function bundleText(place: ArchivePlace, file: Digested): Promise<string> {
  if (place.kind === 'tar')
    return (
      await run('tar', ['--extract', '--to-stdout', '--file', place.path, file.name], {timeoutMs: 600_000})
    ).stdout;
  const chunks: Uint8Array[] = [];
  for await (const chunk of await source(place, file)) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** The regular files of a verified archive, below a directory that is emptied first. */
export async function unpack(archive: string, into: string): Promise<{name: string; path: string}[]> {
  await removeTree(into, [], true);
  await makeDirectory(into, 0o700);
  await run('tar', ['--extract', '--gzip', '--no-same-owner', '--file', archive, '--directory', into], {
    timeoutMs: 300_000,
  });
  const entries = await readdir(into, {recursive: true, withFileTypes: true});
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => ({name: entry.name, path: join(entry.parentPath, entry.name)}));
}
