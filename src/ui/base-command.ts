import {Command, Flags} from '@oclif/core';
import {coded} from '../lib/coded.ts';
import {NodectlError} from '../lib/errors.ts';
import {errorDocument, errorText, exitCode} from './print-error.ts';

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
    const error = this.withHelp(
      isUsageError(raised) ? new NodectlError('ND904', raised.message) : coded(raised),
    );
    if (this.wantsJson()) this.printJson(errorDocument(error));
    else process.stderr.write(`${errorText(error)}\n`);
    if (error.code === 'ND999' && process.env.NODECTL_DEBUG) process.stderr.write(`${raised.stack ?? ''}\n`);
    await this.beforeFailure(error);
    this.exit(exitCode(error));
  }

  /** Told to others than who typed the command. */
  protected beforeFailure(_error: NodectlError): Promise<void> {
    return Promise.resolve();
  }

  /** A wrong argument is explained by the help of this very command. */
  private withHelp(error: NodectlError): NodectlError {
    if (error.code !== 'ND904' || error.next.length > 0) return error;
    const words = ['nodectl', ...(this.id?.split(':') ?? []), '--help'];
    return new NodectlError('ND904', error.message, {cause: error.cause, next: [words.join(' ')]});
  }

  private wantsJson(): boolean {
    const at = this.argv.findIndex((word) => word === '-o' || word === '--output');
    return (
      (at >= 0 && this.argv[at + 1] === 'json') ||
      this.argv.includes('-ojson') ||
      this.argv.includes('--output=json')
    );
  }
}

/** oclif's parser marks what the user typed wrong with exit code 2. */
function isUsageError(error: {oclif?: {exit?: number}}): boolean {
  return error.oclif?.exit === 2;
}
