import type {Code} from './codes/catalogue.ts';

export type ErrorDetails = {
  /** What lies under it: the outside error, kept for the cause chain. */
  readonly cause?: unknown;
  /** Commands or steps that help in this very case; shown before the catalogue's general advice. */
  readonly next?: readonly string[];
  /** Where a support bundle of the failure lies. */
  readonly bundle?: string;
};

/** The one error class: a stable code from the catalogue, a one-line cause, and the command that helps. */
export class NodectlError extends Error {
  readonly code: Code;
  readonly next: readonly string[];
  readonly bundle: string | undefined;

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, {cause: details.cause});
    this.name = 'NodectlError';
    this.code = code;
    this.next = details.next ?? [];
    this.bundle = details.bundle;
  }
}

export function isNodectlError(error: unknown, code?: Code): error is NodectlError {
  return error instanceof NodectlError && (code === undefined || error.code === code);
}

/** A human's line for any thrown value, causes included. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at !== undefined && at !== null && parts.length < 5; ) {
    const text = at instanceof Error ? at.message : String(at);
    if (text && !parts.some((p) => p.includes(text))) parts.push(text);
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(': ');
}
