import type {KubeletConfig} from '../../config/kubelet.ts';
import {providedAddresses} from './addresses.ts';

const attachDetachAnnotation = 'volumes.kubernetes.io/controller-managed-attach-detach';
const providedIpAnnotation = 'alpha.kubernetes.io/provided-node-ip';

type AnnotationConfig = Pick<
  KubeletConfig,
  'enableControllerAttachDetach' | 'externalCloudProvider' | 'nodeIPs'
>;

/** The annotations of its Node that belong to the kubelet. */
export function annotationsOf(config: AnnotationConfig): Record<string, string> {
  const provided = providedAddresses(config);
  return {
    ...(config.enableControllerAttachDetach ? {[attachDetachAnnotation]: 'true'} : {}),
    ...(provided === undefined ? {} : {[providedIpAnnotation]: provided}),
  };
}

/** Labels that the kubelet keeps right on its Node for ever (kubelet_node_status.go updateDefaultLabels). */
export function defaultLabels(nodeName: string, architecture: string): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': architecture,
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': 'linux',
  };
}

/** Put right at each start where the configuration names them; all others only count when the Node is created. */
const keptLabels = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/windows-build',
];

type Metadata = {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};

type Changes = Readonly<Record<string, string | null>>;

export type MetadataPatch = {
  readonly metadata: {readonly labels?: Changes; readonly annotations?: Changes};
};

/** What must change in the metadata of a Node that exists, as a merge patch; undefined when nothing. */
export function metadataPatch(
  existing: Metadata,
  config: AnnotationConfig & Pick<KubeletConfig, 'nodeName' | 'nodeLabels'>,
  architecture: string,
): MetadataPatch | undefined {
  const defaults = defaultLabels(config.nodeName, architecture);
  const given = Object.entries(config.nodeLabels).filter(
    ([key]) => Object.hasOwn(defaults, key) || keptLabels.includes(key),
  );
  const wanted = Object.entries({...defaults, ...Object.fromEntries(given)});
  // An empty value takes such a label away.
  const labels = Object.fromEntries(
    wanted
      .filter(([key, value]) => (existing.labels?.[key] ?? '') !== value)
      .map(([key, value]) => [key, value === '' ? null : value]),
  );
  const own = annotationsOf(config);
  const annotations = Object.fromEntries(
    [attachDetachAnnotation, providedIpAnnotation]
      .filter((key) => existing.annotations?.[key] !== own[key])
      .map((key) => [key, own[key] ?? null]),
  );
  if (Object.keys(labels).length + Object.keys(annotations).length === 0) return undefined;
  return {
    metadata: {
      ...(Object.keys(labels).length > 0 ? {labels} : {}),
      ...(Object.keys(annotations).length > 0 ? {annotations} : {}),
    },
  };
}

/** Whether the API server has done what it was asked for: a webhook may have had it another way. */
export function isTaken({metadata: {labels = {}, annotations = {}}}: MetadataPatch, now: Metadata): boolean {
  const has = (of: Metadata['labels'], changes: Changes): boolean =>
    Object.entries(changes).every(([key, value]) => (of?.[key] ?? null) === value);
  return has(now.labels, labels) && has(now.annotations, annotations);
}
