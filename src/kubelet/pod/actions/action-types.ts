import type {Container, Pod} from '../../../lib/kubernetes.ts';
import type {Allocation} from '../../resize/allocation.ts';
import type {ProbesSeen} from '../seen.ts';
import type {PodRuntime} from '../status/runtime-state.ts';
import type {ContainerKill} from './container-change.ts';

export type ContainerKind = 'init' | 'regular' | 'ephemeral';
export type ContainerStart = {readonly kind: ContainerKind; readonly container: Container};

/** What a pod that shall run needs next. */
export type PodActions = {
  /** Undefined: the sandbox is good. */
  readonly sandbox?: {readonly attempt: number};
  /** Nothing is to be kept or started: the pod has come to its end. */
  readonly done: boolean;
  readonly kills: readonly ContainerKill[];
  readonly starts: readonly ContainerStart[];
};

export type ActionsInput = {
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  readonly probes: ReadonlyMap<string, ProbesSeen>;
  readonly actuated: Allocation | undefined;
  /** Containers that were ended so that they start again. */
  readonly restarting: ReadonlySet<string>;
};
