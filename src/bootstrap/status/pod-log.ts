import type {Writable} from 'node:stream';
import type {NodeOptions} from '../../config/join.ts';
import {copyPodLog, type PodLogOptions} from '../../edges/logs/pod-log.ts';
import {NodectlError} from '../../lib/errors.ts';
import {findPod, withRuntime} from './runtime-view.ts';

export type WhichPod = {
  readonly word: string;
  readonly container: string | undefined;
  readonly namespace: string | undefined;
};

/** The log of a pod's container, from the file that the runtime writes: no API server and no kubelet is asked. */
export async function showPodLog(
  options: NodeOptions,
  {word, container, namespace}: WhichPod,
  wanted: PodLogOptions,
  out: Writable,
  signal: AbortSignal,
): Promise<void> {
  const path = await withRuntime(options, async (cri) => {
    const found = await findPod(cri, word, container, namespace);
    if (found.container === undefined)
      throw new NodectlError('ND904', `pod ${found.pod.name} has no container yet`, {
        next: ['nodectl logs kubelet'],
      });
    const {status} = await cri.runtime.containerStatus(
      {containerId: found.container.id},
      {timeoutMs: 10_000},
    );
    return status?.logPath ?? '';
  });
  await copyPodLog(path, wanted, out, signal);
}
