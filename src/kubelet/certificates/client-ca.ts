import {certificatesOf} from '../../config/cluster-info.ts';
import {pause} from '../../edges/clock.ts';
import {readText} from '../../edges/files/files.ts';
import {describeError, NodectlError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';

const lookMs = 5_000;

export type ClientCaOptions = {
  /** '': clients show no certificates. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Each content that differs from the one before, where it is certificates. */
  readonly onChange: (text: string) => void;
};

/** @throws NodectlError ND722 when the file is missing: then nobody could be verified */
export async function readClientCa(file: string): Promise<string> {
  if (file === '') return '';
  const text = await readText(file);
  if (text !== undefined) return text;
  throw new NodectlError('ND722', `the client CA ${file} does not exist`);
}

/** Clients are verified by what the file says now (dynamic_cafile_content.go): a CA is replaced without a restart. */
export async function followClientCa(
  {file, clock, log, onChange}: ClientCaOptions,
  first: string,
  signal: AbortSignal,
): Promise<void> {
  let last = first;
  while (file !== '' && !signal.aborted) {
    await pause(clock, lookMs, signal);
    const text = await readText(file).catch(() => undefined);
    if (text === undefined || text === last || signal.aborted) continue;
    last = text;
    const problem = problemOf(text);
    if (problem !== undefined) {
      log.error('the client CA is not usable; the one before still counts', {file, problem});
      continue;
    }
    onChange(text);
    log.info('clients are verified by another CA', {file});
  }
}

function problemOf(text: string): string | undefined {
  try {
    return certificatesOf(text).length > 0 ? undefined : 'it has no certificate';
  } catch (error) {
    return describeError(error);
  }
}
