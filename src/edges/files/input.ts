import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {text} from 'node:stream/consumers';
import {NodectlError} from '../../lib/errors.ts';

/** The files of kubeadm's --patches directory. */
export async function readPatches(directory: string): Promise<{name: string; text: string}[]> {
  try {
    const names = (await readdir(directory)).filter((name) => /\.(json|yaml)$/.test(name));
    return await Promise.all(
      names.map(async (name) => ({name, text: await readFile(join(directory, name), 'utf8')})),
    );
  } catch (cause) {
    throw new NodectlError('ND904', `--patches ${directory} cannot be read`, {cause});
  }
}

/** A value as given, from stdin (`-`) or from a file (`@PATH`): secrets need not be in argv. */
export async function readInput(value: string): Promise<string>;
export async function readInput(value: string | undefined): Promise<string | undefined>;
export async function readInput(value: string | undefined): Promise<string | undefined> {
  if (value === '-') return filled((await text(process.stdin)).trim(), 'standard input');
  if (value === undefined || !value.startsWith('@')) return value;
  const path = value.slice(1);
  let content: string;
  try {
    content = (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new NodectlError('ND904', `${path} cannot be read`, {cause});
  }
  return filled(content, path);
}

/** What is empty would be as good as not given, and the error about something else. */
function filled(content: string, from: string): string {
  if (content === '') throw new NodectlError('ND904', `${from} is empty`);
  return content;
}
