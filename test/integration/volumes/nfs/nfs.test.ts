import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, it} from 'vitest';

const worker = fileURLToPath(new URL('nfs-worker.ts', import.meta.url));

/** Few kernels have the NFS client built in; what mount(8) is asked for is seen without it. */
it('a share is mounted once with the options of its volume, and given back with all that is in it', async () => {
  const dir = await fs.mkdtemp(join(tmpdir(), 'volumes-nfs-'));
  try {
    const program = [process.execPath, '--experimental-transform-types', '--no-warnings', worker, dir];
    const args = ['--mount', '--propagation', 'private', ...program];
    const seen: unknown = JSON.parse(execFileSync('unshare', args, {encoding: 'utf8', timeout: 60_000}));
    const given = {content: 'of the server', left: [], kept: ['data']};
    const claimed = (uid: string) => `/pods/${uid}/volumes/kubernetes.io~nfs/pv`;
    const source = '[2001:db8::1]:/export';
    expect(seen).toEqual({
      own: {
        ...given,
        asked: [['nfs.example.com:/a', '-o', 'ro']],
        points: ['/pods/own/volumes/kubernetes.io~nfs/v'],
        readonly: [true],
      },
      claimed: {
        ...given,
        asked: [[source, '-o', 'rw,nfsvers=4.2,hard']],
        points: [claimed('claimed')],
        readonly: [false],
      },
      twice: {
        ...given,
        asked: [[source, '-o', 'rw,nfsvers=4.2,hard']],
        points: [claimed('twice')],
        readonly: [false, false],
      },
      'read-only': {
        ...given,
        asked: [[source, '-o', 'ro,nfsvers=4.2,hard']],
        points: [claimed('read-only')],
        readonly: [true],
      },
    });
  } finally {
    await fs.rm(dir, {recursive: true});
  }
}, 90_000);
