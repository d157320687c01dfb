import {ConnectError} from '@connectrpc/connect';
import {connectCri, isCriDeadline, isCriUnimplemented} from './cri/client.ts';
import {criMessage} from './cri/message.ts';
import {errno} from './files.ts';

export type RuntimeCondition = {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
};

/** What one look at a CRI socket teaches; failures are told apart by what a user must do. */
export type RuntimeSight =
  | {
      readonly kind: 'answers';
      readonly name: string;
      readonly version: string;
      readonly conditions: readonly RuntimeCondition[];
      readonly sandboxIds: readonly string[];
    }
  | {
      readonly kind: 'no-socket' | 'refused' | 'silent' | 'no-cri' | 'forbidden' | 'failed';
      readonly detail: string;
    };

export async function lookAtRuntime(socket: string, signal: AbortSignal): Promise<RuntimeSight> {
  const cri = connectCri(socket);
  const options = {timeoutMs: 1800, signal};
  try {
    const [version, {status}, {items}] = await Promise.all([
      cri.runtime.version({}, options),
      cri.runtime.status({}, options),
      cri.runtime.listPodSandbox({}, options),
    ]);
    return {
      kind: 'answers',
      name: version.runtimeName,
      version: version.runtimeVersion,
      conditions: (status?.conditions ?? []).map(({type, status: ok, reason, message}) => ({
        type,
        status: ok,
        reason,
        message,
      })),
      sandboxIds: items.map(({id}) => id),
    };
  } catch (error) {
    return {kind: kindOf(error), detail: criMessage(error)};
  } finally {
    cri.close();
  }
}

function kindOf(error: unknown): Exclude<RuntimeSight['kind'], 'answers'> {
  if (isCriUnimplemented(error)) return 'no-cri';
  if (isCriDeadline(error)) return 'silent';
  switch (errno(ConnectError.from(error).cause)) {
    case 'ENOENT':
      return 'no-socket';
    case 'ECONNREFUSED':
      return 'refused';
    case 'EACCES':
      return 'forbidden';
    default:
      return 'failed';
  }
}
