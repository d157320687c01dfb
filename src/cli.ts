import {Config, Errors, flush, Plugin, run} from '@oclif/core';
import manifest from '../package.json' with {type: 'json'};
import {COMMANDS} from './commands/index.ts';
import {errno} from './edges/files/files.ts';
import {coded} from './lib/coded.ts';
import {NodectlError} from './lib/errors.ts';
import {wantsJson} from './ui/base-command.ts';
import {printFailure} from './ui/failure.ts';
import {exitCode} from './ui/print-error.ts';
import {unknownCommand} from './ui/unknown-command.ts';

const pjson = {
  name: manifest.name,
  version: manifest.version,
  description: manifest.description,
  oclif: {
    bin: 'nodectl',
    topicSeparator: ' ' as const,
    commands: {strategy: 'explicit' as const, target: 'embedded'},
    topics: {sandbox: {description: 'A one-machine Kubernetes control plane to try nodectl with'}},
  },
};

/**
 * oclif reads commands from files, which a single executable has not. The plugin is handed its commands instead;
 * `commandCache` is private to oclif, so its version is pinned and every command is started by a test.
 */
async function loadConfig(): Promise<Config> {
  const root = '/nonexistent';
  const plugin = new Plugin({isRoot: true, pjson, root, ignoreManifest: true, name: pjson.name});
  Object.defineProperty(plugin, 'commandCache', {value: COMMANDS});
  await plugin.load();
  return Config.load({root, pjson, plugins: new Map([[pjson.name, plugin]])});
}

/** Answers a command line; daemons that units start need none of this (main.ts). */
export async function answer(words: string[]): Promise<void> {
  // It may be the output itself that cannot be written: then the error goes where people look.
  process.once('uncaughtException', (error) => process.exit(report(error, [])));
  try {
    await run(words, await loadConfig());
    await flush();
  } catch (error) {
    process.exitCode = report(error, words);
  }
}

/**
 * Commands print their own errors (BaseCommand); what arrives here otherwise is a command that does not exist, or output
 * that cannot be written. Node itself would show the line of the program where it happened: of a bundle, all of it.
 */
function report(raised: unknown, words: readonly string[]): number {
  if (raised instanceof Errors.ExitError) return raised.oclif.exit ?? 1;
  const error = raised instanceof Errors.CLIError ? misspelt(raised, words) : unwritten(raised);
  printFailure(error, raised, {json: wantsJson(words)});
  return exitCode(error);
}

function misspelt({message}: Error, words: readonly string[]): NodectlError {
  if (!/^command .* not found$/s.test(message))
    return new NodectlError('ND904', message, {next: ['nodectl --help']});
  const shown = Object.entries(COMMANDS).filter(([, command]) => !command.hidden);
  return unknownCommand(
    words,
    shown.map(([id]) => id.replaceAll(':', ' ')),
  );
}

function unwritten(raised: unknown): NodectlError {
  const error = coded(raised);
  if (errno(raised) === undefined || error.code !== 'ND106') return error;
  return new NodectlError('ND106', `what is printed cannot be written: ${error.message}`, {cause: raised});
}
