import pino from 'pino';
import type {Fields, Logger} from '../../lib/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** JSON lines on stderr, written at once, so that the last words of a crash are not lost. */
export function jsonLogger(name: string, level: LogLevel = 'info'): Logger {
  const sink = pino.destination({dest: 2, sync: true});
  return wrap(pino({name, level, base: {name}, timestamp: pino.stdTimeFunctions.isoTime}, sink));
}

function wrap(inner: pino.Logger): Logger {
  return {
    debug: (message, fields) => inner.debug(fields ?? {}, message),
    info: (message, fields) => inner.info(fields ?? {}, message),
    warn: (message, fields) => inner.warn(fields ?? {}, message),
    error: (message, fields) => inner.error(fields ?? {}, message),
    with: (fields: Fields) => wrap(inner.child(fields)),
  };
}
