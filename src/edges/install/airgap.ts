import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {rename, stat} from 'node:fs/promises';
import {resolve} from 'node:path';
import {NodectlError} from '../../lib/errors.ts';
import {removeFile} from '../files/files.ts';
import {run} from '../process/run.ts';
import {bundleText} from './archives.ts';

export const digestsName = 'SHA256SUMS';

/** An airgap bundle as a join takes it: its place, and the digests that it brings.
 * @throws NodectlError ND904 when it is none */
export async function openBundle(
  given: string,
): Promise<{kind: 'directory' | 'tar'; path: string; digests: string}> {
  const path = resolve(given);
  try {
    const kind = (await stat(path)).isDirectory() ? 'directory' : 'tar';
    return {kind, path, digests: await bundleText({kind, path}, {name: digestsName, sha256: ''})};
  } catch (cause) {
    throw new NodectlError('ND904', `--airgap ${given} is no bundle with a ${digestsName}`, {cause});
  }
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** One archive of these files of a directory, there by one rename. */
export async function packBundle(directory: string, names: readonly string[], file: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await run('tar', ['--create', '--file', temporary, '--directory', directory, ...names], {
      timeoutMs: 600_000,
    });
    await rename(temporary, file);
  } finally {
    await removeFile(temporary);
  }
}
