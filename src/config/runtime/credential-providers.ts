import * as z from 'zod/mini';
import {NodectlError} from '../../lib/errors.ts';
import {readDocument, type Source} from '../document.ts';
import {parseDuration} from '../machine/units.ts';

/** CredentialProviderConfig (kubelet.config.k8s.io): programs that know the logins of registries. */
const v1 = 'credentialprovider.kubelet.k8s.io/v1';
const requestVersions = [v1, `${v1}beta1`, `${v1}alpha1`];
const configVersions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `kubelet.config.k8s.io/${version}`);

const oneOf = (known: readonly string[]) =>
  z.string().check(z.refine((value) => known.includes(value), {error: `is not one of ${known.join(', ')}`}));
const duration = z.pipe(
  z.string().check(
    z.refine((text) => (parseDuration(text) ?? -1) >= 0, {
      error: 'is not a duration such as 12h, 0 or more',
    }),
  ),
  z.transform((text: string) => parseDuration(text) ?? 0),
);
const keys = z._default(
  z
    .array(
      z.string().check(z.regex(/^([A-Za-z0-9.-]{1,253}\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/)),
    )
    .check(z.refine((all) => new Set(all).size === all.length, {error: 'names a key twice'})),
  [],
);

const tokenAttributes = z.strictObject({
  serviceAccountTokenAudience: z.string().check(z.minLength(1)),
  cacheType: z.enum(['ServiceAccount', 'Token']),
  requireServiceAccount: z.boolean(),
  requiredServiceAccountAnnotationKeys: keys,
  optionalServiceAccountAnnotationKeys: keys,
});

const provider = z.strictObject({
  name: z
    .string()
    .check(z.regex(/^[^/ ]+$/, {error: 'must be the name of a program'}))
    .check(z.refine((name) => name !== '.' && name !== '..', {error: 'must be the name of a program'})),
  matchImages: z.array(z.string().check(z.minLength(1))).check(z.minLength(1)),
  defaultCacheDuration: duration,
  apiVersion: oneOf(requestVersions),
  args: z._default(z.array(z.string()), []),
  env: z._default(z.array(z.strictObject({name: z.string(), value: z._default(z.string(), '')})), []),
  tokenAttributes: z.optional(tokenAttributes),
});

const schema = z.strictObject({
  apiVersion: oneOf(configVersions),
  kind: z.literal('CredentialProviderConfig'),
  providers: z.array(provider).check(z.minLength(1)),
});

/** defaultCacheDuration is in milliseconds. */
export type CredentialProvider = z.output<typeof provider>;

/**
 * The providers of one file, or of the files of a directory in the order of their names.
 * @throws NodectlError ND701 that names what is wrong, with its line and column where it has one
 */
export function readCredentialProviders(sources: readonly Source[]): readonly CredentialProvider[] {
  const providers = sources.flatMap((source) => readDocument(source, schema, 'ND701').data.providers);
  const problems = providers.flatMap((one, at) => [
    ...tokenProblems(one),
    ...(providers.findIndex(({name}) => name === one.name) < at ? [`${one.name}: is there twice`] : []),
  ]);
  if (problems.length > 0) throw new NodectlError('ND701', problems.join('\n'));
  return providers;
}

function tokenProblems({name, apiVersion, tokenAttributes: token}: CredentialProvider): string[] {
  if (token === undefined) return [];
  const {requiredServiceAccountAnnotationKeys: required, optionalServiceAccountAnnotationKeys: optional} =
    token;
  return [
    ...(apiVersion === v1 ? [] : [`${name}: tokenAttributes needs apiVersion ${v1}`]),
    ...(required.length > 0 && !token.requireServiceAccount
      ? [`${name}: requiredServiceAccountAnnotationKeys needs requireServiceAccount: true`]
      : []),
    ...(required.some((key) => optional.includes(key))
      ? [`${name}: annotation keys cannot be both required and optional`]
      : []),
  ];
}
