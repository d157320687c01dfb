import {Command, Flags} from '@oclif/core';
import {NodectlError} from '../lib/errors.ts';
import {failureOf, printFailure} from './failure.ts';
import {exitCode} from './print-error.ts';

/** `-o json`: one versioned document on stdout and nothing else. Commands that answer something take it. */
export const outputFlag = Flags.option({
  char: 'o',
  options: ['text', 'json'] as const,
  default: 'text' as const,
  description: 'text for people, json for scripts',
})();

/** What every command shares: how errors look and which exit code they have. */
export abstract class BaseCommand extends Command {
  /** One JSON document on stdout. */
  protected printJson(document: {apiVersion: string; kind: string}): void {
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }

  protected override async catch(
    raised: Error & {exitCode?: number; oclif?: {exit?: number}},
  ): Promise<void> {
    if (raised.oclif?.exit === 0 || raised.name === 'ExitError') throw raised;
    const wrong = isUsageError(raised) ? new NodectlError('ND904', raised.message) : raised;
    const error = failureOf(wrong, this.id);
    printFailure(error, raised, {json: wantsJson(this.argv)});
    await this.beforeFailure(error);
    this.exit(exitCode(error));
  }

  /** Told to others than who typed the command. */
  protected beforeFailure(_error: NodectlError): Promise<void> {
    return Promise.resolve();
  }
}

/** Asked of the words themselves: they may be wrong in other ways. */
export function wantsJson(words: readonly string[]): boolean {
  const at = words.findIndex((word) => word === '-o' || word === '--output');
  return (at >= 0 && words[at + 1] === 'json') || words.includes('-ojson') || words.includes('--output=json');
}

/** oclif's parser marks what the user typed wrong with exit code 2. */
function isUsageError(error: {oclif?: {exit?: number}}): boolean {
  return error.oclif?.exit === 2;
}
