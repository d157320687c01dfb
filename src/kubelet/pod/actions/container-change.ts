import type {Container} from '../../../lib/kubernetes.ts';
import {containerAnnotations} from '../config/container-config.ts';
import type {RuntimeContainer} from '../status/runtime-state.ts';
import {containerHash} from './hash.ts';

export type KillReason = 'startup' | 'liveness' | 'changed' | 'lost' | 'resize';
export type ContainerKill = {
  readonly container: RuntimeContainer;
  readonly reason: KillReason;
  readonly message: string;
  /** It starts again, whatever its exit says. */
  readonly restart?: true;
};

/** A container without the annotation was made by something older: it is left alone. */
export function isChanged(container: Container, seen: RuntimeContainer): boolean {
  const hash = seen.annotations[containerAnnotations.hash];
  return hash !== undefined && hash !== '' && hash !== containerHash(container);
}

export function lost(seen: RuntimeContainer, kind: 'Container' | 'Init container'): ContainerKill {
  const message = `${kind} is in "unknown" state, try killing it before restart`;
  return {container: seen, reason: 'lost', message};
}

export function resizeKill({name}: Container, seen: RuntimeContainer): ContainerKill {
  return {
    container: seen,
    reason: 'resize',
    message: `Container ${name} resize requires restart`,
    restart: true,
  };
}
