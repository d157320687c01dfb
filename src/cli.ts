import {Config, Errors, flush, Plugin, run} from '@oclif/core';
import manifest from '../package.json' with {type: 'json'};
import {COMMANDS} from './commands/index.ts';
import {coded} from './lib/coded.ts';
import {NodectlError} from './lib/errors.ts';
import {errorText, exitCode} from './ui/print-error.ts';

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
  try {
    await run(words, await loadConfig());
    await flush();
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Commands print their own errors (BaseCommand); what arrives here otherwise is a command that does not exist. */
function report(error: unknown): number {
  if (error instanceof Errors.ExitError) return error.oclif.exit ?? 1;
  const shown =
    error instanceof Errors.CLIError
      ? new NodectlError('ND904', error.message, {next: ['nodectl --help']})
      : coded(error);
  process.stderr.write(`${errorText(shown)}\n`);
  return exitCode(shown);
}
