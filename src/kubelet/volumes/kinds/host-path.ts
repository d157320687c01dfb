import {ensureDirectory, ensureFile, type FileType, fileType} from '../../../edges/files/trees.ts';
import type {VolumePlugin} from '../types.ts';

/** What each type demands, and in which words its absence is told (pkg/volume/hostpath). */
const demanded = new Map<string, FileType>([
  ['Directory', 'directory'],
  ['DirectoryOrCreate', 'directory'],
  ['File', 'file'],
  ['FileOrCreate', 'file'],
  ['Socket', 'socket'],
  ['CharDevice', 'character device'],
  ['BlockDevice', 'block device'],
]);

export const hostPath: VolumePlugin = {
  field: 'hostPath',
  from: 'both',
  directory: 'kubernetes.io~host-path',
  follows: false,
  async prepare({volume, persistent, readOnly}) {
    const source = persistent === undefined ? volume.hostPath : persistent.volume.spec.hostPath;
    const {path = '', type = ''} = source ?? {};
    if (path.split('/').includes('..'))
      throw new Error(`invalid HostPath \`${path}\`: must not contain '..'`);
    if (!path.startsWith('/')) throw new Error(`invalid HostPath \`${path}\`: must be absolute`);
    if (type !== '') await check(path, type);
    return {path, readOnly};
  },
};

async function check(path: string, type: string): Promise<void> {
  const wanted = demanded.get(type);
  if (wanted === undefined) throw new Error(`${type} is an invalid volume type`);
  if ((await fileType(path)) === undefined)
    if (type === 'DirectoryOrCreate') await ensureDirectory(path, 0o755, 0o755);
    else if (type === 'FileOrCreate') await ensureFile(path, 0o644);
  if ((await fileType(path)) !== wanted)
    throw new Error(
      `hostPath type check failed: ${path} is not a ${wanted === 'socket' ? 'socket file' : wanted}`,
    );
}
