import {realClock} from '../../../edges/clock.ts';
import {
  type GroupOwnership,
  needsGroupOwnership,
  type OwnershipWatch,
  setGroupOwnership,
} from '../../../edges/files/pods/ownership.ts';
import {describeError} from '../../../lib/errors.ts';
import type {VolumeRequest} from '../types.ts';

type Wish = Pick<VolumeRequest, 'pod' | 'context'>;

/**
 * Gives a volume to the pod's fsGroup. `OnRootMismatch` leaves a tree alone whose root looks right; `Always`, the
 * default, goes through all of it each time that the volume is made. A pod that waits long for it is told why.
 */
export async function giveToGroup(wish: Wish, directory: string): Promise<void> {
  const {fsGroup, fsGroupChangePolicy} = wish.pod.spec.securityContext ?? {};
  if (fsGroup === undefined) return;
  const how = {fsGroup, readOnly: false};
  if (fsGroupChangePolicy === 'OnRootMismatch' && !(await needsGroupOwnership(directory, how))) return;
  const progress = {files: 0};
  const stop = tellProgress(wish, directory, progress);
  try {
    await giveAll(wish, directory, how, progress);
  } finally {
    stop();
  }
}

/** Gives what is made by ourselves: it is small, and nobody waits for it. */
export async function giveOwn(wish: Wish, directory: string, readOnly: boolean): Promise<void> {
  const fsGroup = wish.pod.spec.securityContext?.fsGroup;
  if (fsGroup !== undefined) await giveAll(wish, directory, {fsGroup, readOnly}, {files: 0});
}

async function giveAll(
  {pod, context}: Wish,
  directory: string,
  how: GroupOwnership,
  progress: {files: number},
): Promise<void> {
  const refused: {path: string; error: unknown}[] = [];
  const watch: OwnershipWatch = {
    visited: () => void progress.files++,
    refused: (path, error) => void refused.push({path, error}),
  };
  await setGroupOwnership(directory, how, watch);
  const [first] = refused;
  if (first === undefined) return;
  context.log?.warn('files of a volume could not be given to the fsGroup', {
    uid: pod.metadata.uid,
    fsGroup: how.fsGroup,
    files: refused.length,
    first: first.path,
    error: describeError(first.error),
  });
}

/** pkg/volume/volume_linux.go: the first word after half a minute, then one each minute. */
const firstMs = 30_000;
const everyMs = 60_000;
const advice =
  'https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#configure-volume-permission-and-ownership-change-policy-for-pods';

function tellProgress({pod, context}: Wish, directory: string, progress: {files: number}): () => void {
  const {clock = realClock, tell} = context;
  const {uid} = pod.metadata;
  // The place of the volume from the pod on: the rest is the node's own affair.
  const name = directory.includes(uid) ? directory.slice(directory.indexOf(uid)) : directory;
  const say = (text: string) =>
    tell?.(pod, 'Warning', 'VolumePermissionChangeInProgress', `Setting volume ownership for ${name}${text}`);
  const again = () => {
    say(`, processed ${progress.files} files.`);
    cancel = clock.after(everyMs, again);
  };
  let cancel = clock.after(firstMs, () => {
    say(` is taking longer than expected, consider using OnRootMismatch - ${advice}`);
    cancel = clock.after(everyMs, again);
  });
  return () => cancel();
}
