import {randomBytes} from 'node:crypto';
import {kubeconfigText} from '../../config/kubeconfig.ts';
import {type SandboxSettings, sandboxPaths} from '../../config/sandbox.ts';
import {readText} from '../../edges/files/files.ts';
import {type KubeConnection, loadKubeconfig} from '../../edges/kube/connection.ts';
import {connectKube, type KubeConnectionClient} from '../../edges/kube/http-client.ts';
import {spkiPin} from '../../edges/trust/x509.ts';
import {NodectlError} from '../../lib/errors.ts';
import {secrets} from '../../lib/resources.ts';
import {proxyToken} from './proxy-identity.ts';
import {tokenFrom, tokenSecret} from './token.ts';

type Place = Pick<SandboxSettings, 'layout'>;

/** @throws NodectlError ND801 when there is no sandbox here */
export async function adminKubeconfig(place: Place): Promise<string> {
  return need(await readText(sandboxPaths(place).adminKubeconfig));
}

/** A kubeconfig with a new token of the service proxies' account. */
export function proxyKubeconfig(place: Place): Promise<string> {
  return asAdmin(place, async (client, {server}, caData) =>
    kubeconfigText({server, caData, token: await proxyToken(client)}),
  );
}

/** Makes a bootstrap token, good for an hour, and returns the command that joins another machine with it. */
export function joinCommand(place: Place): Promise<string> {
  return asAdmin(place, async (client, {server}, ca) => {
    const token = tokenFrom(randomBytes(22));
    await client.create(secrets, tokenSecret(token, Date.now()), {namespace: 'kube-system'});
    const endpoint = new URL(server).host;
    return `nodectl join ${endpoint} --token ${token} --discovery-token-ca-cert-hash ${spkiPin(ca)} --cni bridge`;
  });
}

async function asAdmin<T>(
  place: Place,
  work: (client: KubeConnectionClient, connection: KubeConnection, ca: string) => Promise<T>,
): Promise<T> {
  const paths = sandboxPaths(place);
  const ca = need(await readText(paths.ca));
  const connection = await loadKubeconfig(paths.adminKubeconfig);
  const client = connectKube(connection);
  try {
    return await work(client, connection, ca);
  } finally {
    await client.close();
  }
}

function need(text: string | undefined): string {
  if (text === undefined) throw new NodectlError('ND801', 'this machine has no sandbox');
  return text;
}
