import {run} from '../process/run.ts';

const defaultFsType = 'ext4';
const fsckUncorrected = 4;
const blkidNothing = 2;

/**
 * Mounts a device, making a file system on it first where there is none (k8s.io/mount-utils, FormatAndMount). What is
 * on the device is never overwritten: whatever blkid(8) knows, partitions too, counts as content.
 */
export async function formatAndMount(
  device: string,
  target: string,
  fsTypeAsked: string,
  options: readonly string[],
): Promise<void> {
  // The API keeps an empty name as it is.
  const fsType = fsTypeAsked || defaultFsType;
  const readOnly = options.includes('ro');
  const content = await contentOf(device);
  if (content === undefined) {
    if (readOnly) throw new Error(`cannot mount unformatted disk ${device} as it is to be read only`);
    await format(device, fsType);
  } else if (!readOnly) await repair(device);
  try {
    await run('mount', ['-c', '-t', fsType, '-o', ['defaults', ...options].join(','), device, target]);
  } catch (error) {
    if (content === undefined || content === fsType) throw error;
    throw new Error(
      `failed to mount the volume as "${fsType}", it already contains ${content}. Mount error: ${String(error)}`,
      {cause: error},
    );
  }
}

async function contentOf(device: string): Promise<string | undefined> {
  const args = ['-p', '-s', 'TYPE', '-s', 'PTTYPE', '-o', 'export', device];
  const {exitCode, stdout} = await run('blkid', args, {okCodes: [0, blkidNothing]});
  if (exitCode === blkidNothing) return undefined;
  const values = new Map(stdout.split('\n').map((line) => [line.split('=')[0], line.split('=')[1]]));
  return values.get('TYPE') ?? (values.has('PTTYPE') ? 'unknown data, probably partitions' : undefined);
}

/** The whole device at once: no blocks are reserved for root, and nothing asks. */
async function format(device: string, fsType: string): Promise<void> {
  const known: Readonly<Record<string, readonly string[]>> = {
    ext3: ['-F', '-m0'],
    ext4: ['-F', '-m0'],
    xfs: ['-f'],
  };
  await run(`mkfs.${fsType}`, [...(known[fsType] ?? []), device], {timeoutMs: 600_000});
}

/** A missing fsck(8), or one that cannot read this kind, is not an error. */
async function repair(device: string): Promise<void> {
  const okCodes = Array.from({length: 256}, (_, code) => code);
  const {exitCode, stdout} = await run('fsck', ['-a', device], {okCodes, timeoutMs: 600_000}).catch(() => ({
    exitCode: 0,
    stdout: '',
  }));
  if (exitCode === fsckUncorrected)
    throw new Error(`'fsck' found errors on device ${device} but could not correct them: ${stdout.trim()}`);
}

/** Makes a mounted file system as large as its device (k8s.io/mount-utils, ResizeFs). */
export async function growFilesystem(device: string, mountPoint: string): Promise<void> {
  const content = await contentOf(device);
  switch (content) {
    case undefined:
      return;
    case 'ext3':
    case 'ext4':
      await run('resize2fs', [device], {timeoutMs: 600_000});
      return;
    case 'xfs':
      await run('xfs_growfs', ['-d', mountPoint], {timeoutMs: 600_000});
      return;
    case 'btrfs':
      await run('btrfs', ['filesystem', 'resize', 'max', mountPoint], {timeoutMs: 600_000});
      return;
    default:
      throw new Error(
        `resize of format ${content} is not supported for device ${device} mounted at ${mountPoint}`,
      );
  }
}
