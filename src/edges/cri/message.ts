import {ConnectError} from '@connectrpc/connect';
import {describeError} from '../../lib/errors.ts';

/** The runtime's own words, without the code that gRPC puts before them. */
export function criMessage(error: unknown): string {
  return error instanceof ConnectError ? error.rawMessage : describeError(error);
}
