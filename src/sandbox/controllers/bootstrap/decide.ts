import type {Decision} from '../../../lib/control/reconcile.ts';
import type {ConfigMap, Secret} from '../../../lib/kubernetes.ts';
import {type BootstrapToken, detachedSignature, readToken} from './signature.ts';

export type BootstrapSeen = {
  readonly clusterInfo: ConfigMap | undefined;
  readonly secrets: readonly Secret[];
  readonly nowMs: number;
};

export type BootstrapAct =
  | {readonly type: 'sign'; readonly clusterInfo: ConfigMap; readonly data: Readonly<Record<string, string>>}
  | {readonly type: 'delete'; readonly secret: Secret};

const prefix = 'jws-kubeconfig-';

/** The bootstrap signer and the token cleaner: a signature for each live token, none for others, expired tokens go. */
export function decideBootstrap({clusterInfo, secrets, nowMs}: BootstrapSeen): Decision<BootstrapAct> {
  const acts: BootstrapAct[] = [];
  const live: BootstrapToken[] = [];
  for (const secret of secrets) {
    const token = readToken(secret);
    if (token === undefined) continue;
    if (token.expiresMs !== undefined && token.expiresMs <= nowMs) acts.push({type: 'delete', secret});
    else live.push(token);
  }
  const data = clusterInfo === undefined ? undefined : signedData(clusterInfo, live);
  if (clusterInfo !== undefined && data !== undefined) acts.push({type: 'sign', clusterInfo, data});
  const ends = live.flatMap((token) => (token.expiresMs === undefined ? [] : [token.expiresMs - nowMs]));
  // Timers are 32-bit: a token that lives longer is looked at again on the way.
  return ends.length === 0 ? {acts} : {acts, againInMs: Math.min(...ends, 86_400_000)};
}

/** The ConfigMap's data as it should be; undefined when it is. */
function signedData(
  clusterInfo: ConfigMap,
  live: readonly BootstrapToken[],
): Record<string, string> | undefined {
  const content = clusterInfo.data?.kubeconfig;
  if (content === undefined) return undefined;
  const before = clusterInfo.data ?? {};
  const kept = Object.entries(before).filter(([key]) => !key.startsWith(prefix));
  const signatures = live
    .filter((token) => token.signs)
    .map((token): [string, string] => [prefix + token.id, detachedSignature(content, token)]);
  const data = Object.fromEntries([...kept, ...signatures]);
  const keys = Object.keys(data);
  const same = keys.length === Object.keys(before).length && keys.every((key) => before[key] === data[key]);
  return same ? undefined : data;
}
