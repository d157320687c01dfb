import {randomBytes} from 'node:crypto';
import {type JoinOptions, joinOptions} from '../../config/join.ts';
import {kubeconfigText} from '../../config/kubeconfig.ts';
import {kubeletPaths} from '../../config/kubelet-files.ts';
import {type SandboxSettings, sandboxPaths} from '../../config/sandbox.ts';
import {exists, readText} from '../../edges/files/files.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {spkiPin} from '../../edges/trust/x509.ts';
import {secrets} from '../../lib/resources.ts';
import {proxyToken} from './proxy-identity.ts';
import {tokenFrom, tokenSecret} from './token.ts';

/** What a person would type after `nodectl join`: endpoint, a new token, the CA's pin. */
export async function joinInput(settings: SandboxSettings, client: KubeClient): Promise<JoinOptions> {
  const ca = (await readText(sandboxPaths(settings).ca)) ?? '';
  const server = `${bracketed(settings.address)}:${settings.port}`;
  return joinOptions({
    endpoint: server,
    token: await token(settings, client),
    caCertHashes: [spkiPin(ca)],
    nodeName: settings.nodeName,
    hostname: settings.nodeName,
    nodeIp: settings.address,
    cni: 'bridge',
    proxy: 'nodectl',
    proxyKubeconfig: await proxyKubeconfig(settings, client, `https://${server}`, ca),
    root: settings.root,
  });
}

/** A machine that has joined needs no token: none is made live, so that a second run changes nothing. */
async function token(settings: SandboxSettings, client: KubeClient): Promise<string> {
  const made = tokenFrom(randomBytes(22));
  const {kubeconfig, currentCertificate} = kubeletPaths(settings);
  if ((await exists(kubeconfig)) && (await exists(currentCertificate))) return made;
  await client.create(secrets, tokenSecret(made, Date.now()), {namespace: 'kube-system'});
  return made;
}

/** Made once and kept, because each new token would be a change. */
async function proxyKubeconfig(
  settings: SandboxSettings,
  client: KubeClient,
  server: string,
  caData: string,
): Promise<string> {
  const known = await readText(kubeletPaths(settings).proxyKubeconfig);
  return known ?? kubeconfigText({server, caData, token: await proxyToken(client)});
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
