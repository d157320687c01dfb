import type {ContainerStatus, Pod} from '../../../lib/kubernetes.ts';

type State = NonNullable<ContainerStatus['state']>;

/** All termination messages of a pod together have that many bytes at most. */
const maxMessagesBytes = 12 * 1024;

/** The containers of a pod share the room for messages in equal parts (status_manager.go, normalizeStatus). */
export function shortened({spec}: Pod, status: ContainerStatus): ContainerStatus {
  const {containers, initContainers = [], ephemeralContainers = []} = spec;
  const share = Math.floor(
    maxMessagesBytes / (containers.length + initContainers.length + ephemeralContainers.length),
  );
  const cut = <T extends State | undefined>(state: T): T => {
    const message = state?.terminated?.message ?? '';
    if (state?.terminated === undefined || Buffer.byteLength(message) <= share) return state;
    const short = Buffer.from(message).subarray(0, share).toString();
    return {...state, terminated: {...state.terminated, message: short}};
  };
  return {...status, state: cut(status.state), lastState: cut(status.lastState)};
}
