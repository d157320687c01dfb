import type {Status} from '../../lib/kubernetes.ts';
import {ApiError} from './errors.ts';
import {parseJson} from './json.ts';

/** metav1.StatusReason for answers that carry no Status (apimachinery/pkg/api/errors NewGenericServerResponse). */
const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** The error of an answer that is no success: its Status, or what can be said of a page by somebody else. */
export function apiError(
  httpCode: number,
  body: string,
  retryAfter: string | undefined,
  nowMs: number,
): ApiError {
  const status = statusOf(body);
  const retryAfterMs = retryAfterOf(status, retryAfter, nowMs);
  const words =
    status?.message ??
    body
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim()
      .slice(0, 200);
  return new ApiError(httpCode, words === '' ? `HTTP ${httpCode} without a message` : words, {
    reason: status?.reason ?? reasons[httpCode] ?? '',
    ...(status === undefined ? {} : {status}),
    ...(retryAfterMs === undefined ? {} : {retryAfterMs}),
  });
}

/** The error that an ERROR event of a watch stands for; its Status says the code. */
export function watchError(status: Status): ApiError {
  return apiError(status.code ?? 500, JSON.stringify({...status, kind: 'Status'}), undefined, 0);
}

function statusOf(body: string): Status | undefined {
  if (!body.startsWith('{')) return undefined;
  try {
    const value = parseJson<Status>(body);
    return value.kind === 'Status' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Seconds or an HTTP date in the header, else the Status's own advice. */
function retryAfterOf(
  status: Status | undefined,
  header: string | undefined,
  nowMs: number,
): number | undefined {
  const seconds = header === undefined ? status?.details?.retryAfterSeconds : Number(header);
  if (seconds !== undefined && Number.isFinite(seconds)) return seconds > 0 ? seconds * 1000 : undefined;
  const date = Date.parse(header ?? '');
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
