import type {Node} from '../../lib/kubernetes.ts';

/** One node as `kubectl get nodes -o wide` shows it. */
export type NodeLine = {
  readonly name: string;
  readonly status: 'Ready' | 'NotReady';
  readonly version: string;
  readonly address: string;
  readonly runtime: string;
};

export function nodeLine(node: Node): NodeLine {
  const {conditions = [], nodeInfo, addresses = []} = node.status ?? {};
  const ready = conditions.some(({type, status}) => type === 'Ready' && status === 'True');
  return {
    name: node.metadata.name,
    status: ready ? 'Ready' : 'NotReady',
    version: nodeInfo?.kubeletVersion ?? '',
    address: addresses.find(({type}) => type === 'InternalIP')?.address ?? '',
    runtime: nodeInfo?.containerRuntimeVersion ?? '',
  };
}
