import {constants} from 'node:fs';
import {type FileHandle, open} from 'node:fs/promises';

/** linux/fcntl.h; Node does not name it. Its value is the same on x86-64 and arm64. */
const openPath = 0o10000000;

/**
 * Opens a regular file below `root` without following a single link: each directory is opened by the descriptor of
 * the one before (`/proc/self/fd/N/name`, O_NOFOLLOW), so no rename or link made meanwhile can lead out of `root`.
 */
export async function openBeneath(root: string, relative: string): Promise<FileHandle> {
  const segments = relative.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    throw Object.assign(new Error(`${relative} is not a plain path`), {code: 'EINVAL'});
  const name = segments.pop() ?? '';
  let directory = await open(root, openPath | constants.O_DIRECTORY);
  try {
    for (const segment of segments) {
      const flags = openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW;
      const next = await open(`/proc/self/fd/${directory.fd}/${segment}`, flags);
      await directory.close();
      directory = next;
    }
    // Non-blocking: a FIFO in the file's place must not hang the reader.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(`/proc/self/fd/${directory.fd}/${name}`, flags);
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw Object.assign(new Error(`${relative} is not a regular file`), {code: 'EINVAL'});
  } finally {
    await directory.close();
  }
}
