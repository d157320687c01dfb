import type {Pod} from '../../../lib/kubernetes.ts';
import type {StartLimit} from '../../runtime/start-limit.ts';
import type {PodMemory} from '../config/resources/memory.ts';
import type {PodView} from '../status/view.ts';

export type WorkLimits = {
  /** Of what is started. */
  readonly limit: StartLimit;
  /** Of what is ended: starts do not wait for it, nor it for them. */
  readonly endLimit: StartLimit;
};

/** What an act is done with. */
export type ApplyContext = PodView &
  WorkLimits & {
    readonly memory: PodMemory;
    readonly pod: Pod | undefined;
    /** Something ended that went on beside the rounds: look again. */
    readonly again: () => void;
    readonly forget: () => void;
  };
