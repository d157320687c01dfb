import type {Secret} from '../../lib/kubernetes.ts';

/** What a registry is logged in with; never logged, never part of an error. */
export type Credential = {readonly username: string; readonly password: string};
export type CredentialEntry = {readonly registry: string; readonly credential: Credential};

/** The logins of a pull secret: `.dockerconfigjson`, or the older `.dockercfg`. Anything malformed is none. */
export function credentialsOf(secret: Secret): CredentialEntry[] {
  const config = decode(secret.data?.['.dockerconfigjson']);
  const auths = isRecord(config) ? config.auths : decode(secret.data?.['.dockercfg']);
  if (!isRecord(auths)) return [];
  return Object.entries(auths).flatMap(([registry, login]) => {
    const credential = isRecord(login) ? credentialFrom(login) : undefined;
    return credential === undefined ? [] : [{registry: plain(registry), credential}];
  });
}

/** Those that fit a repository, the most particular first (pkg/credentialprovider/keyring.go). */
export function matching(entries: readonly CredentialEntry[], repository: string): Credential[] {
  return entries
    .filter(({registry}) => fits(registry, repository))
    .sort((a, b) => b.registry.length - a.registry.length)
    .map(({credential}) => credential);
}

function fits(registry: string, repository: string): boolean {
  const [host = '', ...path] = registry.split('/');
  const [domain = '', ...name] = repository.split('/');
  const hub = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];
  const sameHost = hub.includes(host) ? domain === 'docker.io' : globHost(host, domain);
  const prefix = path.filter((part) => part !== '' && part !== 'v1' && part !== 'v2').join('/');
  return sameHost && `${name.join('/')}`.startsWith(prefix);
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
    wanted.every((want, at) => globLabel(want, labels[at] ?? ''))
  );
}

function globLabel(pattern: string, label: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === label;
  const tail = rest.at(-1) ?? '';
  return label.length >= head.length + tail.length && label.startsWith(head) && label.endsWith(tail);
}

function plain(registry: string): string {
  return registry.replace(/^https?:\/\//, '').replace(/\/+$/, '');
}

function credentialFrom(login: Record<string, unknown>): Credential | undefined {
  if (typeof login.auth === 'string' && login.auth !== '') {
    const text = fromBase64(login.auth);
    const colon = text.indexOf(':');
    if (colon > 0)
      return {username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '')};
  }
  const {username, password} = login;
  return typeof username === 'string' && typeof password === 'string' ? {username, password} : undefined;
}

function decode(data: string | undefined): unknown {
  if (data === undefined) return undefined;
  try {
    return JSON.parse(fromBase64(data));
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
