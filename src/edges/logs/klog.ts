import type {Fields} from '../../lib/log.ts';

export type Severity = 'debug' | 'info' | 'warn' | 'error';

export type Entry = {
  readonly severity: Severity;
  readonly message: string;
  readonly fields: Fields;
  readonly timeMs: number;
  readonly pid: number;
};

/** Below this verbosity debugging is silent (klog's V(4)). */
export const debugVerbosity = 4;

/**
 * As component-base's JSON format: `ts` in milliseconds, `v` on all but errors, an error as `err`. klog's warnings are
 * information there too. Lines have no `caller`.
 */
export function klogJson({severity, message, fields, timeMs}: Entry): string {
  const {error, ...others} = fields;
  return JSON.stringify({
    ts: timeMs,
    msg: message,
    ...(severity === 'error' ? {} : {v: severity === 'debug' ? debugVerbosity : 0}),
    ...(error === undefined ? {} : {err: error}),
    ...others,
  });
}

/** `I1122 02:41:41.123000    1234 nodectl:0] "message" key="value"`, in UTC; the place in the source is none. */
export function klogText({severity, message, fields, timeMs, pid}: Entry): string {
  const letter = {debug: 'I', info: 'I', warn: 'W', error: 'E'}[severity];
  const [, month, day, time] = /^\d+-(\d\d)-(\d\d)T([\d:.]+)Z$/.exec(new Date(timeMs).toISOString()) ?? [];
  const {error, ...others} = fields;
  const told = Object.entries({...(error === undefined ? {} : {err: error}), ...others})
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  const head = `${letter}${month}${day} ${time}000 ${String(pid).padStart(7)} nodectl:0]`;
  return `${head} ${JSON.stringify(message)}${told.join('')}`;
}
