import type {CsiDriver, Pod} from '../../../lib/kubernetes.ts';

/**
 * Volumes that are mounted with the label of their pod (`-o context=`) instead of being relabelled file by file
 * (pkg/volume/util/selinux.go, SELinuxMountReadWriteOncePod). Everything here is pure.
 */

type Options = NonNullable<NonNullable<Pod['spec']['securityContext']>['seLinuxOptions']>;

export type LabelWish = {
  readonly pod: Pod;
  /** Its name in the pod. */
  readonly volume: string;
  /** Of the persistent volume; undefined for a volume of the pod itself. */
  readonly accessModes: readonly string[] | undefined;
  readonly driver: CsiDriver | undefined;
};

/** Whether a volume may be mounted with a label at all, whatever the machine says of SELinux. */
export function mayHaveLabel({pod, accessModes, driver}: LabelWish): boolean {
  if (driver?.spec.seLinuxMount !== true) return false;
  if (accessModes?.length !== 1 || accessModes[0] !== 'ReadWriteOncePod') return false;
  return pod.spec.securityContext?.seLinuxChangePolicy !== 'Recursive';
}

/**
 * The label that a volume is mounted with; undefined: as it is, and the runtime relabels it. Without a level the
 * runtime draws categories that nobody else knows.
 * @throws where the pod's containers want different ones
 */
export function mountLabel(wish: LabelWish, containerFile: string): string | undefined {
  if (!mayHaveLabel(wish)) return undefined;
  const wanted = containersOptions(wish.pod, wish.volume);
  const labels = [...new Set(wanted.map((options) => fileLabel(options, containerFile)))];
  if (labels.length > 1)
    throw new Error(`multiple SELinux labels found: ${labels.map((label) => label ?? '').join(',')}`);
  return labels[0];
}

/** A level may have commas: it is quoted among the options. */
export function contextOption(label: string): string {
  return `context="${label}"`;
}

/** What each container that mounts a volume says, in full: its own words, or else the pod's. */
function containersOptions({spec}: Pod, volume: string): Options[] {
  const all = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  return all
    .filter(({volumeMounts = []}) => volumeMounts.some(({name}) => name === volume))
    .map(({securityContext}) => securityContext?.seLinuxOptions ?? spec.securityContext?.seLinuxOptions)
    .filter((options) => options !== undefined);
}

/** Of a process's user, role, type and level only the user and the level go over to files (go-selinux, InitLabels). */
function fileLabel({user, level}: Options, containerFile: string): string | undefined {
  if (!level) return undefined;
  const [defaultUser = '', role = '', type = ''] = containerFile.split(':');
  return [user || defaultUser, role, type, level].join(':');
}
