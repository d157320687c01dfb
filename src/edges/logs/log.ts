import {writeSync} from 'node:fs';
import pino from 'pino';
import type {Fields, Logger} from '../../lib/log.ts';
import {errno} from '../files/files.ts';
import {debugVerbosity, klogJson, klogText, type Severity} from './klog.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** JSON lines on stderr, written at once, so that the last words of a crash are not lost. */
export function jsonLogger(name: string, level: LogLevel = 'info'): Logger {
  return wrap(ownLines(name, level));
}

function ownLines(name: string, level: LogLevel): pino.Logger {
  return pino({name, level, base: {name}, timestamp: pino.stdTimeFunctions.isoTime}, stderr());
}

/** What cannot be written is lost, and the next line tried again: a full disk, or a reader that is gone, ends no daemon. */
function stderr(): pino.DestinationStream {
  return {
    write(line) {
      let rest: Uint8Array = Buffer.from(line);
      for (let tries = 0; rest.length > 0 && tries < mostTries; tries++) rest = written(rest);
    },
  };
}

/** A reader that is slow for longer than this does not hold up a whole daemon. */
const mostTries = 50;
const pauseMs = 2;
const nothing = new Uint8Array();
const pause = new Int32Array(new SharedArrayBuffer(4));

/** What is still to be written. */
function written(line: Uint8Array): Uint8Array {
  try {
    return line.subarray(writeSync(2, line));
  } catch (error) {
    if (errno(error) !== 'EAGAIN') return nothing;
    Atomics.wait(pause, 0, 0, pauseMs);
    return line;
  }
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

export type DaemonLog = {
  readonly log: Logger;
  /** From now on, also for loggers that were made of this one. */
  setVerbosity(verbosity: number): void;
};

/** In one of Kubernetes' two formats where that is asked for (`logging.format`), else as all of nodectl writes. */
export function daemonLog(name: string, format: '' | 'text' | 'json', verbosity: number): DaemonLog {
  const at = {verbosity};
  const own = format === '' ? ownLines(name, 'debug') : undefined;
  const sink = format === '' ? undefined : stderr();
  const line = format === 'text' ? klogText : klogJson;
  const write = (severity: Severity, message: string, fields: Fields) => {
    if (severity === 'debug' && at.verbosity < debugVerbosity) return;
    own?.[severity](fields, message);
    sink?.write(`${line({severity, message, fields, timeMs: Date.now(), pid: process.pid})}\n`);
  };
  return {
    log: bound(write, {}),
    setVerbosity(next) {
      at.verbosity = next;
    },
  };
}

function bound(write: (severity: Severity, message: string, fields: Fields) => void, always: Fields): Logger {
  const level = (severity: Severity) => (message: string, fields?: Fields) =>
    write(severity, message, {...always, ...fields});
  return {
    debug: level('debug'),
    info: level('info'),
    warn: level('warn'),
    error: level('error'),
    with: (fields) => bound(write, {...always, ...fields}),
  };
}
