import {coded} from '../lib/coded.ts';
import {NodectlError} from '../lib/errors.ts';
import {errorDocument, errorText} from './print-error.ts';

/** What a command is told to have failed with; a wrong argument is explained by the help of this very command. */
export function failureOf(raised: unknown, id: string | undefined): NodectlError {
  const error = coded(raised);
  if (error.code !== 'ND904' || error.next.length > 0) return error;
  const words = ['nodectl', ...(id?.split(':') ?? []), '--help'];
  return new NodectlError('ND904', error.message, {cause: error.cause, next: [words.join(' ')]});
}

type Printing = {readonly json?: boolean | undefined; readonly stack?: boolean | undefined};

/** `stack`: where an unexpected error was raised, which else only NODECTL_DEBUG shows. */
export function printFailure(
  error: NodectlError,
  raised: unknown,
  {json = false, stack: wanted = Boolean(process.env.NODECTL_DEBUG)}: Printing = {},
): void {
  if (json) process.stdout.write(`${JSON.stringify(errorDocument(error), null, 2)}\n`);
  else process.stderr.write(`${errorText(error)}\n`);
  const stack = raised instanceof Error ? raised.stack : undefined;
  if (error.code === 'ND999' && wanted) process.stderr.write(`${stack ?? ''}\n`);
}
