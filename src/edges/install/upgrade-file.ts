import {resolve} from 'node:path';
import type {Digested} from '../../config/runtime/runtime-source.ts';
import {NodectlError} from '../../lib/errors.ts';
import {bundleText} from './archives.ts';

/** A binary with the digest that was given for it, or that lies beside it.
 * @throws NodectlError ND909 when there is none */
export async function upgradeFile(given: string, sha256: string | undefined): Promise<Digested> {
  const isUrl = /^https?:\/\//i.test(given);
  const file = isUrl ? {name: given, url: given} : {name: resolve(given)};
  const text = sha256 ?? (await beside(isUrl, file.name));
  const [, digest] = /^(?:sha256:)?([0-9a-f]{64})(?:\s|$)/i.exec(text.trim()) ?? [];
  if (digest === undefined)
    throw new NodectlError('ND909', `no SHA-256 of 64 hexadecimal digits for ${given}`);
  return {...file, sha256: digest.toLowerCase()};
}

/** Over plain http anybody on the way could give both. */
async function beside(isUrl: boolean, name: string): Promise<string> {
  if (/^http:/i.test(name)) return '';
  const digest = {name: `${name}.sha256`, sha256: '', ...(isUrl ? {url: `${name}.sha256`} : {})};
  const place = isUrl ? ({kind: 'origin'} as const) : ({kind: 'directory', path: '/'} as const);
  return bundleText(place, digest).catch(() => '');
}
