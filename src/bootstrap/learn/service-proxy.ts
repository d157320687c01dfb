import {foreignProxy} from '../../config/foreign-proxy.ts';
import {lookAtNft} from '../../edges/nftables/nft-sight.ts';
import type {Node, Pod} from '../../lib/kubernetes.ts';
import {pods} from '../../lib/resources.ts';
import type {Facts} from '../phase.ts';
import {asNode} from './own-node.ts';

/** Without nft there are no rules that we could see. */
const noRules = {tables: [], chains: []};

/** Another service proxy on this node: a pod of it, or its rules. */
export async function foreignHere(
  facts: Facts,
  node: Node | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [here, nft] = await Promise.all([
    node === undefined ? [] : ownPods(facts),
    lookAtNft(signal).catch(() => noRules),
  ]);
  return foreignProxy(here, nft);
}

/** Our own from an earlier join, or another; undefined when nobody serves Services on this node. */
export async function whoServes(facts: Facts, node: Node, signal: AbortSignal): Promise<string | undefined> {
  const {running} = await facts.services.status('nodectl-proxy');
  return running ? 'nodectl-proxy' : foreignHere(facts, node, signal);
}

/** With the node's own certificate, which may list the pods of its own node. */
async function ownPods(facts: Facts): Promise<readonly Pod[]> {
  const query = {fieldSelector: `spec.nodeName=${facts.options.nodeName}`};
  return asNode(facts, async (client) => (await client.list(pods, query)).items);
}
