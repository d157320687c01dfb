import {request} from 'undici';
import {describeError} from '../../lib/errors.ts';
import {errno} from '../files/files.ts';

/** What a health port said. */
export type Health =
  | {readonly kind: 'ok'}
  | {readonly kind: 'sick'; readonly status: number; readonly body: string}
  | {readonly kind: 'refused'}
  | {readonly kind: 'silent'; readonly detail: string};

export async function askHealth(url: string, signal: AbortSignal): Promise<Health> {
  try {
    const either = AbortSignal.any([signal, AbortSignal.timeout(2700)]);
    const {statusCode, body} = await request(url, {signal: either, reset: true});
    const text = await body.text();
    return statusCode >= 200 && statusCode < 300
      ? {kind: 'ok'}
      : {kind: 'sick', status: statusCode, body: text.trim()};
  } catch (error) {
    if (errno(error) === 'ECONNREFUSED') return {kind: 'refused'};
    return {kind: 'silent', detail: describeError(error)};
  }
}
