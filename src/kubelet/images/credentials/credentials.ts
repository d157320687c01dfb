import {createHash} from 'node:crypto';
import type {Secret} from '../../../lib/kubernetes.ts';

/** What a registry is logged in with; never logged, never part of an error. */
export type Credential = {readonly username: string; readonly password: string; readonly email?: string};
export type CredentialEntry = {readonly registry: string; readonly credential: Credential};

/** Whose credential it is; without a source it is the node's own, for every pod. */
export type LoginSource = {
  readonly kind: 'secret' | 'serviceAccount';
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
};
export type Login = {readonly credential: Credential; readonly source?: LoginSource};
export type LoginEntry = CredentialEntry & {readonly source?: LoginSource};

/** The logins of a pull secret: `.dockerconfigjson`, or the older `.dockercfg`. Anything malformed is none. */
export function credentialsOf(secret: Secret): CredentialEntry[] {
  const config = decode(secret.data?.['.dockerconfigjson']);
  return entriesOf(isRecord(config) ? config.auths : decode(secret.data?.['.dockercfg']));
}

/** The logins of a file in the form of docker's config.json, or of the older .dockercfg. */
export function credentialsIn(text: string, legacy: boolean): CredentialEntry[] | undefined {
  const config = parse(text);
  if (!isRecord(config)) return undefined;
  return entriesOf(legacy ? config : config.auths);
}

/**
 * Those that fit a repository, the most particular first. The hub's own name is a last resort for its images
 * (pkg/credentialprovider/keyring.go).
 */
export function matching<T extends {readonly registry: string}>(
  entries: readonly T[],
  repository: string,
): T[] {
  const fitting = entries.filter(({registry}) => fits(registry, repository));
  const hub = repository.startsWith('docker.io/')
    ? entries.filter(({registry}) => registry === 'index.docker.io')
    : [];
  const found = fitting.length > 0 ? fitting : hub;
  return found.sort((a, b) => Number(a.registry < b.registry) - Number(a.registry > b.registry));
}

/** Host by host label with globs, the same port, and the path as a prefix (URLsMatch). */
export function fits(pattern: string, repository: string): boolean {
  const [host, path] = split(pattern);
  const [domain, name] = split(repository);
  return globHost(host, domain) && name.startsWith(path);
}

/** Says that two credentials are the same without keeping either; the Go kubelet's value. */
export function credentialHash({username, password, email = ''}: Credential): string {
  const fields = Object.entries({username, password, email}).filter(([, value]) => value !== '');
  const json = JSON.stringify(Object.fromEntries(fields)).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return createHash('sha256').update(json).digest('hex');
}

function split(url: string): [host: string, path: string] {
  const slash = url.indexOf('/');
  return slash < 0 ? [url, ''] : [url.slice(0, slash), url.slice(slash)];
}

/** `*.registry.io` covers one label; the port must be the same. */
function globHost(pattern: string, host: string): boolean {
  const [patternName = '', patternPort] = pattern.split(':');
  const [hostName = '', hostPort] = host.split(':');
  const wanted = patternName.split('.');
  const labels = hostName.split('.');
  return (
    patternPort === hostPort &&
    wanted.length === labels.length &&
    wanted.every((want, at) => globLabel(want).test(labels[at] ?? ''))
  );
}

function globLabel(pattern: string): RegExp {
  const literal = (text: string) => text.replace(/[\\^$.|+()[\]{}]/g, '\\$&').replaceAll('?', '.');
  return new RegExp(`^${pattern.split('*').map(literal).join('.*')}$`);
}

function entriesOf(auths: unknown): CredentialEntry[] {
  if (!isRecord(auths)) return [];
  return Object.entries(auths).flatMap(([registry, login]) => {
    const credential = isRecord(login) ? credentialFrom(login) : undefined;
    return credential === undefined ? [] : [{registry: plain(registry), credential}];
  });
}

/** Without scheme; `/v1/` and `/v2/` of old configurations mean the registry itself. */
function plain(registry: string): string {
  const [host, path] = split(registry.replace(/^https?:\/\//, ''));
  const effective = /^\/v[12]\//.test(path) ? path.slice(3) : path;
  return effective === '/' ? host : `${host}${effective}`;
}

function credentialFrom(login: Record<string, unknown>): Credential | undefined {
  const email = typeof login.email === 'string' && login.email !== '' ? {email: login.email} : {};
  if (typeof login.auth === 'string' && login.auth !== '') {
    const text = fromBase64(login.auth);
    const colon = text.indexOf(':');
    if (colon > 0)
      return {username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, ''), ...email};
  }
  const {username, password} = login;
  if (typeof username !== 'string' || typeof password !== 'string') return undefined;
  return {username, password, ...email};
}

function decode(data: string | undefined): unknown {
  return data === undefined ? undefined : parse(fromBase64(data));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
