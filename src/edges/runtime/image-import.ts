import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {NodectlError} from '../../lib/errors.ts';
import {socketPath} from '../cri/client.ts';
import {start} from '../process/exec.ts';

/** Hands an archive to containerd by a pipe; answers with the names of its images. */
export async function importArchive(
  endpoint: string,
  path: string,
  onBytes: (done: number, whole: number) => void,
): Promise<string[]> {
  const {size} = await stat(path);
  const child = start('ctr', [
    '--address',
    socketPath(endpoint),
    '--namespace',
    'k8s.io',
    'images',
    'import',
    '-',
  ]);
  let done = 0;
  const source = createReadStream(path);
  source.on('data', (chunk) => {
    done += chunk.length;
    onBytes(done, size);
  });
  // Its end is told by how the child ends.
  child.stdin.on('error', () => source.destroy());
  source.pipe(child.stdin);
  const texts = {out: '', error: ''};
  child.stdout.on('data', (chunk: Buffer) => {
    texts.out += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    texts.error += chunk.toString('utf8');
  });
  const {exitCode} = await child;
  if (exitCode !== 0)
    throw new NodectlError(
      'ND903',
      `ctr could not import ${path}\n${texts.error.trim().split('\n').at(-1) ?? ''}`,
    );
  return [...texts.out.matchAll(/^unpacking (\S+)/gm)].map(([, name = '']) => name);
}
