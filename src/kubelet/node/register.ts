import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Draft, Node} from '../../lib/kubernetes.ts';
import {attachDetachAnnotation, defaultLabels} from './labels.ts';
import type {NodeStatus} from './status.ts';

/** The Node as it is created: taints and labels of the configuration only ever count here. */
export function newNode(config: KubeletConfig, architecture: string, status: NodeStatus): Draft<Node> {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: config.nodeName,
      labels: {...defaultLabels(config.nodeName, architecture), ...config.nodeLabels},
      ...(config.enableControllerAttachDetach ? {annotations: {[attachDetachAnnotation]: 'true'}} : {}),
    },
    spec: {
      ...(config.providerID === '' ? {} : {providerID: config.providerID}),
      ...(config.registerWithTaints.length === 0
        ? {}
        : {taints: config.registerWithTaints.map((taint) => ({...taint}))}),
    },
    status,
  };
}
