import {NodectlError} from '../../lib/errors.ts';

/** Aborts at the first Ctrl-C; a second one ends the process at once, unless `end` was called. */
export function onInterrupt(): {readonly signal: AbortSignal; readonly end: () => void} {
  const stop = new AbortController();
  const interrupt = () => stop.abort(new NodectlError('ND912', 'Ctrl-C'));
  process.once('SIGINT', interrupt);
  return {signal: stop.signal, end: () => void process.off('SIGINT', interrupt)};
}
