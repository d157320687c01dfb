import type {BootstrapCredentials, DiscoveryFile} from '../../config/join.ts';
import {NodectlError} from '../../lib/errors.ts';
import {inlineKubeconfig, type KubeConnection, loadKubeconfig} from '../kube/connection.ts';
import {askServer} from './discovery.ts';
import {hostAuthorities} from './host-authorities.ts';

/** What --discovery-file gives: a path (file:// too), or an https URL whose server this machine trusts. */
export async function readDiscoveryFile(place: string): Promise<DiscoveryFile> {
  if (/^http:\/\//i.test(place))
    throw new NodectlError(
      'ND411',
      `${place}: a CA that comes over plain http could be anybody’s; use https`,
    );
  if (/^https:\/\//i.test(place) && !URL.canParse(place)) throw unusable(place, 'is not a URL');
  const connection = /^https:\/\//i.test(place)
    ? await inlineKubeconfig(place, await fetchText(place))
    : await loadKubeconfig(place.replace(/^file:\/\//, ''));
  return discoveryOf(place, connection);
}

async function discoveryOf(place: string, connection: KubeConnection): Promise<DiscoveryFile> {
  const {server, ca, insecure, serverName} = connection;
  if (insecure === true) throw unusable(place, 'has insecure-skip-tls-verify: its server could be anybody');
  if (serverName !== undefined) throw unusable(place, 'has a tls-server-name, which a join does not support');
  if (!/^https:\/\//i.test(server) || !URL.canParse(server))
    throw unusable(place, `has a server that is no https URL: ${server}`);
  return {server, ca: ca === '' ? undefined : ca, credentials: await bootstrapOf(connection)};
}

/** A plugin or a token file is asked once: its answer serves for the minutes of a join. */
async function bootstrapOf({credentials}: KubeConnection): Promise<BootstrapCredentials | undefined> {
  switch (credentials.kind) {
    case 'anonymous':
      return undefined;
    case 'certificate':
      return credentials;
    case 'token': {
      const {token} = credentials;
      return {kind: 'token', token: (typeof token === 'string' ? token : await token()).trim()};
    }
  }
}

async function fetchText(place: string): Promise<string> {
  const url = new URL(place);
  const path = `${url.pathname}${url.search}`;
  const answer = await askServer(url.origin, path, {ca: await hostAuthorities(), timeoutMs: 8000});
  if (answer.kind !== 'answer') throw unusable(place, `cannot be read: ${answer.detail}`);
  if (answer.status !== 200) throw unusable(place, `cannot be read: it answers ${answer.status}`);
  return answer.body;
}

function unusable(place: string, what: string): NodectlError {
  return new NodectlError('ND411', `${place} ${what}`);
}
