import type {Status} from '../../lib/kubernetes.ts';

/** An answer of the API server that is not a success: its HTTP code and metav1.Status. */
export class ApiError extends Error {
  readonly httpCode: number;
  readonly reason: string;
  readonly status: Status | undefined;
  /** From Retry-After, when the server gave one. */
  readonly retryAfterMs: number | undefined;

  constructor(
    httpCode: number,
    message: string,
    details: {reason?: string; status?: Status; retryAfterMs?: number} = {},
  ) {
    super(message);
    this.name = 'ApiError';
    this.httpCode = httpCode;
    this.reason = details.reason ?? '';
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }
}

const answered = (error: unknown, code: number): error is ApiError =>
  error instanceof ApiError && error.httpCode === code;

export const isNotFound = (error: unknown): boolean => answered(error, 404);
export const isConflict = (error: unknown): boolean =>
  answered(error, 409) && error.reason !== 'AlreadyExists';
export const isAlreadyExists = (error: unknown): boolean =>
  answered(error, 409) && error.reason === 'AlreadyExists';
export const isGone = (error: unknown): boolean => answered(error, 410);
export const isUnauthorized = (error: unknown): boolean => answered(error, 401);
export const isForbidden = (error: unknown): boolean => answered(error, 403);
export const isInvalid = (error: unknown): boolean => answered(error, 422);
export const isTooManyRequests = (error: unknown): boolean => answered(error, 429);
/**
 * A patch that carries metadata.uid met an object of the same name that has another one: the API server calls that
 * invalid, where a precondition would be a conflict.
 */
export const isOtherUid = (error: unknown): boolean =>
  answered(error, 422) && error.status?.details?.causes?.some(({field}) => field === 'metadata.uid') === true;
