import {readFile} from 'node:fs/promises';
import {text} from 'node:stream/consumers';
import {NodectlError} from '../lib/errors.ts';

/** A value as given, from stdin (`-`) or from a file (`@PATH`): secrets need not be in argv. */
export async function readInput(value: string): Promise<string>;
export async function readInput(value: string | undefined): Promise<string | undefined>;
export async function readInput(value: string | undefined): Promise<string | undefined> {
  if (value === '-') return (await text(process.stdin)).trim();
  if (value === undefined || !value.startsWith('@')) return value;
  const path = value.slice(1);
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new NodectlError('ND904', `${path} cannot be read`, {cause});
  }
}
