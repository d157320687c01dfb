import {kubernetesVersion} from './version.ts';

/** A release as the skew policy sees it: majors are all 1. */
type Release = {readonly major: number; readonly minor: number; readonly patch: number};

/** Oldest control plane that nodectl is made for: below it, even a lowered version would claim too much. */
const oldestMinor = 34;
/** A kubelet may be three minors older than its API server, and never newer (kubernetes.io/releases/version-skew-policy). */
const maxMinorsBehind = 3;

export type Skew =
  | {readonly kind: 'fits'; readonly report: string}
  | {readonly kind: 'server-too-old' | 'server-too-new' | 'unreadable'; readonly server: string};

/**
 * What the node reports as its kubelet's version, for this API server: the lower of our own release and the server's.
 * A kubelet must never be newer than its API server, controllers and `kubeadm upgrade` compare just this field, and
 * what nodectl uses of the API is in every release from 1.34 on; so claiming the server's older release is true of
 * everything that the claim is used for. Vendors' suffixes (+k3s1, -gke.100) are not ours to repeat.
 */
export function judgeSkew(server: string, own: string = kubernetesVersion): Skew {
  const [theirs, ours] = [parseRelease(server), parseRelease(own)];
  if (theirs === undefined || ours === undefined) return {kind: 'unreadable', server};
  if (theirs.major !== ours.major) return {kind: 'server-too-new', server};
  if (theirs.minor < oldestMinor) return {kind: 'server-too-old', server};
  if (theirs.minor > ours.minor + maxMinorsBehind) return {kind: 'server-too-new', server};
  return {kind: 'fits', report: text(isOlder(theirs, ours) ? theirs : ours)};
}

export function parseRelease(version: string): Release | undefined {
  const [, major, minor, patch] = /^v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$/.exec(version.trim()) ?? [];
  return major === undefined ? undefined : {major: Number(major), minor: Number(minor), patch: Number(patch)};
}

function isOlder(a: Release, b: Release): boolean {
  return a.minor === b.minor ? a.patch < b.patch : a.minor < b.minor;
}

function text({major, minor, patch}: Release): string {
  return `v${major}.${minor}.${patch}`;
}
