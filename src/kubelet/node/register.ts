import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Draft, Node} from '../../lib/kubernetes.ts';
import {annotationsOf, defaultLabels} from './labels.ts';
import type {NodeStatus} from './status.ts';

/** A cloud controller takes it away when it knows the machine (k8s.io/cloud-provider/api). */
const uninitialized = {
  key: 'node.cloudprovider.kubernetes.io/uninitialized',
  value: 'true',
  effect: 'NoSchedule',
};

/** The Node as it is created: taints and labels of the configuration only ever count here. */
export function newNode(config: KubeletConfig, architecture: string, status: NodeStatus): Draft<Node> {
  const annotations = annotationsOf(config);
  const taints = [
    ...config.registerWithTaints.map((taint) => ({...taint})),
    ...(config.externalCloudProvider ? [uninitialized] : []),
  ];
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: config.nodeName,
      labels: {...defaultLabels(config.nodeName, architecture), ...config.nodeLabels},
      ...(Object.keys(annotations).length > 0 ? {annotations} : {}),
    },
    spec: {
      ...(config.providerID === '' ? {} : {providerID: config.providerID}),
      ...(taints.length === 0 ? {} : {taints}),
    },
    status,
  };
}
