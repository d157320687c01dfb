import {sleep} from '../../edges/clock.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import type {KubeObject} from '../../lib/kubernetes.ts';
import {certificateSigningRequests, nodes, type Resource} from '../../lib/resources.ts';
import {asNode} from '../learn/own-node.ts';
import type {Awaited, Facts} from '../phase.ts';
import {asBootstrapper} from './certificate.ts';

/** Waits until the object changes, at most `ms`: a watch tells sooner than any polling would. */
export async function awaitChange(
  awaited: Awaited | undefined,
  ms: number,
  facts: Facts,
  signal: AbortSignal,
): Promise<void> {
  if (awaited === undefined) return sleep(ms, signal);
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  const late = sleep(ms, both);
  const watch = (client: KubeClient): Promise<void> =>
    awaited.resource === 'nodes'
      ? nextEvent(client, nodes, awaited, both)
      : nextEvent(client, certificateSigningRequests, awaited, both);
  const change = awaited.resource === 'nodes' ? asNode(facts, watch) : asBootstrapper(facts, watch);
  try {
    // A watch that cannot be had leaves the time-out.
    await Promise.race([late, change.catch(() => late)]);
  } finally {
    ended.abort();
    await Promise.allSettled([late, change]);
  }
}

/** Resolves at the first change after what was seen; without a version, at the object's first appearance. */
async function nextEvent<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  {name, resourceVersion}: Awaited,
  signal: AbortSignal,
): Promise<void> {
  const query = {
    fieldSelector: `metadata.name=${name}`,
    ...(resourceVersion === undefined ? {} : {resourceVersion}),
  };
  for await (const event of client.watch(resource, query, signal)) if (event.type !== 'BOOKMARK') return;
}
