import {styleText} from 'node:util';
import {catalogue} from '../lib/codes/catalogue.ts';
import {exits} from '../lib/codes/entry.ts';
import {describeError, type NodectlError} from '../lib/errors.ts';
import {printable} from '../lib/text/printable.ts';
import {terminalWidth, wrap} from './wrap.ts';

/** What `-o json` prints for a failure. */
export type ErrorDocument = {
  readonly apiVersion: 'nodectl/v1';
  readonly kind: 'Error';
  readonly code: string;
  readonly title: string;
  readonly message: string;
  readonly next: readonly string[];
  readonly bundle?: string;
};

export function exitCode(error: NodectlError): number {
  return exits[catalogue[error.code].exit];
}

export function errorDocument(error: NodectlError): ErrorDocument {
  const {title} = catalogue[error.code];
  return {
    apiVersion: 'nodectl/v1',
    kind: 'Error',
    code: error.code,
    title,
    message: describeError(error),
    next: nextSteps(error),
    ...(error.bundle === undefined ? {} : {bundle: error.bundle}),
  };
}

/** The lines a person reads: code and title, what happened, what to type. */
export function errorText(error: NodectlError): string {
  const {title} = catalogue[error.code];
  const first = `${styleText(['red', 'bold'], `error ${error.code}`, {stream: process.stderr})} ${title}`;
  const told = printable(describeError(error));
  // A log keeps lines whole; on a terminal words do.
  const message = process.stderr.isTTY
    ? wrap(told, '  ', terminalWidth(process.stderr))
    : told.split('\n').map((line) => `  ${line}`);
  const steps = nextSteps(error).map((step, at) => `${at === 0 ? '  try: ' : '       '}${step}`);
  const bundle = error.bundle === undefined ? [] : [`  support bundle, without secrets: ${error.bundle}`];
  return [first, ...message, ...steps, `  more: nodectl explain ${error.code}`, ...bundle].join('\n');
}

function nextSteps(error: NodectlError): readonly string[] {
  return error.next.length > 0 ? error.next : catalogue[error.code].fix;
}
