import type {Container} from '../../../lib/kubernetes.ts';
import type {ResizePlan} from '../../resize/plan.ts';
import type {PresentImage} from '../seen.ts';
import type {RuntimeContainer, RuntimeSandbox} from '../status/runtime-state.ts';
import type {ContainerKind} from './action-types.ts';
import type {KillReason} from './container-change.ts';

export type Kill = {
  readonly container: RuntimeContainer;
  /** Undefined for what no known pod describes. */
  readonly spec: Container | undefined;
  readonly reason: KillReason | 'ended' | 'restartAll';
  readonly message: string;
  readonly graceSeconds: number;
  /** Ids of containers that must have ended before this one is told to (sidecars go last). */
  readonly after: readonly string[];
  /** It starts again, whatever its exit says. */
  readonly restart?: true;
};

/** What can be done to a pod. Data: `apply.ts` performs it. */
export type PodAct =
  /** cgroup and directories; volumes and images begin, and go on beside what follows. */
  | {readonly do: 'prepare'}
  | {readonly do: 'createSandbox'; readonly attempt: number}
  | {readonly do: 'ensureImage'; readonly container: Container}
  | {
      readonly do: 'start';
      readonly kind: ContainerKind;
      readonly container: Container;
      readonly attempt: number;
      readonly sandbox: RuntimeSandbox;
      readonly image: PresentImage;
    }
  /** Begins; the ends are seen later. */
  | {readonly do: 'kill'; readonly kills: readonly Kill[]}
  | {readonly do: 'resize'; readonly plan: ResizePlan; readonly sandbox: RuntimeSandbox}
  | {readonly do: 'stopSandboxes'; readonly ids: readonly string[]}
  | {readonly do: 'removeContainers'; readonly ids: readonly string[]}
  | {readonly do: 'removeSandboxes'; readonly ids: readonly string[]}
  | {readonly do: 'unprepareClaims'}
  /** Volumes and cgroup go. */
  | {readonly do: 'tearDown'}
  | {readonly do: 'deleteObject'}
  /** Directories and logs go, and all memory of the pod. */
  | {readonly do: 'forget'}
  | {
      readonly do: 'tell';
      readonly key: string;
      readonly type: 'Normal' | 'Warning';
      readonly reason: string;
      readonly message: string;
      readonly container?: string;
    };
