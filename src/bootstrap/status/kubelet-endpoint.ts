import {parse} from 'yaml';
import type {NodeOptions} from '../../config/join.ts';
import {kubeletPaths} from '../../config/kubelet-files.ts';
import {readText} from '../../edges/files/files.ts';

/** The CRI socket that the kubelet of this node uses; the layout's own where it does not say. */
export async function readKubeletEndpoint(options: NodeOptions): Promise<string> {
  const paths = kubeletPaths(options);
  for (const path of [paths.instanceConfig, paths.config]) {
    const text = await readText(path).catch(() => undefined);
    const {containerRuntimeEndpoint}: {containerRuntimeEndpoint?: unknown} = (text && parse(text)) || {};
    if (typeof containerRuntimeEndpoint === 'string' && containerRuntimeEndpoint !== '')
      return containerRuntimeEndpoint;
  }
  return options.layout.containerdSocket;
}
