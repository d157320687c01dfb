import * as z from 'zod/mini';
import {parseDuration} from '../../../config/machine/units.ts';
import type {CredentialEntry} from './credentials.ts';

export type CacheKeyType = 'Image' | 'Registry' | 'Global';
export type ProviderAnswer = {
  readonly cacheKeyType: CacheKeyType;
  /** Undefined: as the provider's configuration says. */
  readonly cacheMs: number | undefined;
  readonly entries: readonly CredentialEntry[];
};

const response = z.looseObject({
  apiVersion: z.string(),
  kind: z.literal('CredentialProviderResponse'),
  cacheKeyType: z.enum(['Image', 'Registry', 'Global']),
  cacheDuration: z.nullish(z.string()),
  auth: z.nullish(
    z.record(
      z.string(),
      z.looseObject({username: z._default(z.string(), ''), password: z._default(z.string(), '')}),
    ),
  ),
});

/** What a provider wrote. @throws without a word of it, because it may hold credentials */
export function readAnswer(stdout: string, apiVersion: string): ProviderAnswer {
  const parsed = response.safeParse(json(stdout));
  if (!parsed.success) throw new Error('its answer is not a CredentialProviderResponse');
  const {apiVersion: given, cacheKeyType, cacheDuration, auth} = parsed.data;
  if (given !== apiVersion) throw new Error(`its answer is not of the apiVersion ${apiVersion}`);
  const cacheMs = cacheDuration == null ? undefined : parseDuration(cacheDuration);
  const entries = Object.entries(auth ?? {}).map(([registry, {username, password}]) => ({
    registry,
    credential: {username, password},
  }));
  return {cacheKeyType, cacheMs, entries};
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
