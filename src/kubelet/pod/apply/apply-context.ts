import type {Pod} from '../../../lib/kubernetes.ts';
import type {StartLimit} from '../../runtime/start-limit.ts';
import type {PodMemory} from '../config/memory.ts';
import type {PodView} from '../status/view.ts';

/** What an act is done with. */
export type ApplyContext = PodView & {
  readonly limit: StartLimit;
  readonly memory: PodMemory;
  readonly pod: Pod | undefined;
  /** Something ended that went on beside the rounds: look again. */
  readonly again: () => void;
  readonly forget: () => void;
};
