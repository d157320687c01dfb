import type {MessageInitShape} from '@bufbuild/protobuf';
import {
  type LinuxContainerSecurityContextSchema,
  type SecurityProfileSchema,
  SecurityProfile_ProfileType as Type,
} from '../../../../edges/cri/gen/api_pb.ts';
import type {Container, Pod} from '../../../../lib/kubernetes.ts';
import {PodConfigError} from '../config-error.ts';

type Profile = MessageInitShape<typeof SecurityProfileSchema>;
type AppArmor = Pick<
  MessageInitShape<typeof LinuxContainerSecurityContextSchema>,
  'apparmor' | 'apparmorProfile'
>;
type Wanted = {readonly type: string; readonly localhostProfile?: string};

export const runtimeDefault: Profile = {profileType: Type.RuntimeDefault};
const unconfined: Profile = {profileType: Type.Unconfined};

/** The container's field, else the pod's, else the node's default. What is unknown is refused, never unconfined. */
export function seccompProfile(pod: Pod, container: Container, root: string, byDefault: boolean): Profile {
  const wanted: Wanted | undefined =
    container.securityContext?.seccompProfile ?? pod.spec.securityContext?.seccompProfile;
  if (wanted === undefined) return byDefault ? runtimeDefault : unconfined;
  switch (wanted.type) {
    case 'RuntimeDefault':
      return runtimeDefault;
    case 'Unconfined':
      return unconfined;
    case 'Localhost':
      return {profileType: Type.Localhost, localhostRef: `${root}/${localPath(wanted.localhostProfile)}`};
    default:
      throw new PodConfigError(`unknown seccomp profile type: "${wanted.type}"`);
  }
}

/** CVE-2023-2431: an empty name once meant that there was no confinement at all. */
function localPath(path: string | undefined): string {
  if (!path) throw new PodConfigError('localhostProfile must be set if seccompProfile type is Localhost.');
  if (path.startsWith('/') || path.split('/').includes('..'))
    throw new PodConfigError(`localhostProfile "${path}" must be a path below the seccomp directory`);
  return path;
}

/** The field, else the annotation of old, else the pod's; runtimes before CRI 1.24 read the second form. */
export function appArmorProfile(pod: Pod, container: Container): AppArmor {
  const annotation =
    pod.metadata.annotations?.[`container.apparmor.security.beta.kubernetes.io/${container.name}`];
  const wanted: Wanted | undefined =
    container.securityContext?.appArmorProfile ??
    fromAnnotation(annotation) ??
    pod.spec.securityContext?.appArmorProfile;
  switch (wanted?.type) {
    case undefined:
      return {};
    case 'RuntimeDefault':
      return {apparmor: runtimeDefault, apparmorProfile: 'runtime/default'};
    case 'Unconfined':
      return {apparmor: unconfined, apparmorProfile: 'unconfined'};
    case 'Localhost': {
      const name = wanted.localhostProfile;
      if (!name) throw new PodConfigError('missing localhost apparmor profile name');
      return {
        apparmor: {profileType: Type.Localhost, localhostRef: name},
        apparmorProfile: `localhost/${name}`,
      };
    }
    default:
      throw new PodConfigError(`unknown apparmor profile type: "${wanted?.type}"`);
  }
}

function fromAnnotation(annotation: string | undefined): Wanted | undefined {
  if (!annotation) return undefined;
  if (annotation === 'runtime/default') return {type: 'RuntimeDefault'};
  if (annotation === 'unconfined') return {type: 'Unconfined'};
  if (annotation.startsWith('localhost/'))
    return {type: 'Localhost', localhostProfile: annotation.slice('localhost/'.length)};
  return {type: annotation};
}
