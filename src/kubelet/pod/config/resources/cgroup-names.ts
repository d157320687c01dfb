import type {QosClass} from '../../../../config/pod/qos.ts';

export type CgroupDriver = 'cgroupfs' | 'systemd';

/**
 * The cgroup of a pod by driver and class: `/kubepods/burstable/pod<uid>`, or
 * `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice` (pkg/kubelet/cm). Guaranteed pods are
 * directly in kubepods. `root` is cgroupRoot of the configuration.
 */
export function podCgroupPath(driver: CgroupDriver, root: string, qos: QosClass, uid: string): string {
  return cgroupPath(driver, [...tierNames(root, qos), `pod${uid}`]);
}

/** The cgroup of all pods of a class; that of the Guaranteed ones holds the others too. */
export function tierCgroupPath(driver: CgroupDriver, root: string, qos: QosClass): string {
  return cgroupPath(driver, tierNames(root, qos));
}

function tierNames(root: string, qos: QosClass): string[] {
  const tier = qos === 'Guaranteed' ? [] : [qos.toLowerCase()];
  return [...root.split('/').filter((part) => part !== ''), 'kubepods', ...tier];
}

function cgroupPath(driver: CgroupDriver, names: readonly string[]): string {
  return driver === 'cgroupfs' ? `/${names.join('/')}` : systemdPath(names);
}

/** A cgroup as an administrator names it: for systemd its slice, with or without its end or its parents. */
export function namedCgroupPath(driver: CgroupDriver, name: string): string {
  if (driver === 'cgroupfs') return `/${name.split('/').filter(Boolean).join('/')}`;
  const slice = (name.split('/').at(-1) ?? '').replace(/\.slice$/, '');
  return systemdPath(slice.split('-'));
}

/** What the sandbox's cgroup_parent says: a path, or for systemd the slice alone. */
export function cgroupParent(driver: CgroupDriver, path: string): string {
  return driver === 'cgroupfs' ? path : (path.split('/').at(-1) ?? '');
}

/** A slice's name holds all its parents' names: a-b.slice lives in a.slice; a name's own dashes become underscores. */
function systemdPath(names: readonly string[]): string {
  const parts = names.map((name) => name.replaceAll('-', '_'));
  const slices = parts.map((_, at) => `${parts.slice(0, at + 1).join('-')}.slice`);
  return `/${slices.join('/')}`;
}
