import type {KubeletSource} from '../../config/kubelet.ts';
import {NodectlError} from '../../lib/errors.ts';
import {isMissing, listTree, readText} from './files.ts';

export type KubeletSources = {
  readonly sources: readonly KubeletSource[];
  readonly skipped: readonly string[];
};

/**
 * The kubelet's configuration file and the drop-ins beside it, `*.conf`, in their order.
 * @throws NodectlError ND701 where one of them is not there, or empty
 */
export async function readKubeletSources(
  file: string | undefined,
  directory: string | undefined,
): Promise<KubeletSources> {
  const found = directory === undefined || directory === '' ? [] : await listDropIns(directory);
  const isDropIn = (path: string): boolean => path.endsWith('.conf');
  const whole = file === undefined || file === '' ? [] : [readSource(file)];
  const dropIns = found
    .filter(isDropIn)
    .map(async (path) => ({...(await readSource(path)), dropIn: true}) as const);
  return {
    sources: await Promise.all([...whole, ...dropIns]),
    skipped: found.filter((path) => !isDropIn(path)).map((path) => `${path}: is no *.conf, and is not read`),
  };
}

/** With those of its directories (filepath.WalkDir). */
async function listDropIns(directory: string): Promise<string[]> {
  try {
    return await listTree(directory);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new NodectlError('ND701', `${directory}: there is no such directory`, {cause: error});
  }
}

async function readSource(path: string): Promise<KubeletSource> {
  const content = await readText(path);
  if (content === undefined) throw new NodectlError('ND701', `${path}: there is no such file`);
  // What a crash has emptied must not run as if it had never been configured (kubeletconfig/configfiles).
  if (content.trim() === '') throw new NodectlError('ND701', `${path}: is empty`);
  return {path, text: content};
}
