import type {Container, Pod} from '../../lib/kubernetes.ts';
import type {Rejection} from './types.ts';

const annotation = 'container.apparmor.security.beta.kubernetes.io/';

/** A pod that is to be confined by AppArmor does not begin where the kernel has none (pkg/security/apparmor). */
export function lacksAppArmor(pod: Pod, isEnabled: boolean): Rejection | undefined {
  const wanted = profiles(pod);
  if (wanted.length === 0) return undefined;
  if (!isEnabled) return refused('AppArmor is not enabled on the host');
  const isNameless = wanted.some(
    ({type, localhostProfile = ''}) => type === 'Localhost' && !localhostProfile.trim(),
  );
  return isNameless ? refused('invalid empty AppArmor profile name') : undefined;
}

type Profile = {readonly type: string; readonly localhostProfile?: string};

/** Everything but `Unconfined`, from fields and from the annotations of old. */
function profiles({metadata, spec}: Pod): Profile[] {
  const all: readonly Container[] = [
    ...spec.containers,
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  const fields: (Profile | undefined)[] = [spec, ...all].map((one) => one.securityContext?.appArmorProfile);
  const told = Object.entries(metadata.annotations ?? {})
    .filter(([key, value]) => key.startsWith(annotation) && value !== 'unconfined')
    .map(([, type]) => ({type}));
  return [...fields.filter((one) => one !== undefined), ...told].filter(({type}) => type !== 'Unconfined');
}

function refused(why: string): Rejection {
  return {reason: 'AppArmor', message: `Cannot enforce AppArmor: ${why}`};
}
