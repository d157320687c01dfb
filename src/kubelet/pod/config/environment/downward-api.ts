import type {Container, Pod} from '../../../../lib/kubernetes.ts';
import {quantityMilli, quantityValue} from '../../../../lib/quantity.ts';
import {PodConfigError} from '../config-error.ts';

/** What a pod may learn about itself beyond its own object. */
export type DownwardFacts = {
  /** Of the sandbox; of the host for hostNetwork. The node's first family comes first. */
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  /** status.allocatable of the node: limits that a container does not set. */
  readonly nodeAllocatable: Readonly<Record<string, string>>;
};

export type ResourceFieldSelector = {
  readonly resource: string;
  readonly containerName?: string;
  readonly divisor?: string | number;
};

/** A `fieldRef` of an environment variable. */
export function environmentField(pod: Pod, fieldPath: string, facts: DownwardFacts): string {
  switch (fieldPath) {
    case 'spec.nodeName':
    case 'spec.host':
      return pod.spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return facts.hostIps[0] ?? '';
    case 'status.hostIPs':
      return facts.hostIps.join(',');
    case 'status.podIP':
      return facts.podIps[0] ?? '';
    case 'status.podIPs':
      return facts.podIps.join(',');
    default:
      return metadataField(pod, fieldPath);
  }
}

/** A `fieldRef` of a file: metadata only (pkg/fieldpath). */
export function metadataField(pod: Pod, fieldPath: string): string {
  const {metadata} = pod;
  const keyed = /^(metadata\.(?:labels|annotations))\['(.*)'\]$/s.exec(fieldPath);
  if (keyed !== null) {
    const map = keyed[1] === 'metadata.labels' ? metadata.labels : metadata.annotations;
    return new Map(Object.entries(map ?? {})).get(keyed[2] ?? '') ?? '';
  }
  switch (fieldPath) {
    case 'metadata.annotations':
      return formatMap(metadata.annotations ?? {});
    case 'metadata.labels':
      return formatMap(metadata.labels ?? {});
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace;
    case 'metadata.uid':
      return metadata.uid;
    default:
      throw new PodConfigError(`unsupported fieldPath: ${fieldPath}`);
  }
}

/** A `resourceFieldRef`: limits that are not set are what the node has to give. */
export function resourceField(
  pod: Pod,
  own: Container | undefined,
  selector: ResourceFieldSelector,
  allocatable: DownwardFacts['nodeAllocatable'],
): string {
  const container = selector.containerName ? findContainer(pod, selector.containerName) : own;
  if (container === undefined)
    throw new PodConfigError(`container ${selector.containerName ?? ''} not found`);
  const [kind = '', ...rest] = selector.resource.split('.');
  const name = rest.join('.');
  const known = ['cpu', 'memory', 'ephemeral-storage'].includes(name);
  if ((kind !== 'limits' && kind !== 'requests') || !(known || name.startsWith('hugepages-')))
    throw new PodConfigError(`unsupported container resource : ${selector.resource}`);
  const measure = name === 'cpu' ? quantityMilli : quantityValue;
  const set = measure(container.resources?.[kind]?.[name]);
  const value =
    set === 0 && kind === 'limits' && known
      ? measure(pod.spec.resources?.limits?.[name] ?? allocatable[name])
      : set;
  const divisor = measure(selector.divisor) === 0 ? measure('1') : measure(selector.divisor);
  return String(Math.ceil(value / divisor));
}

function findContainer(pod: Pod, name: string): Container | undefined {
  return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((c) => c.name === name);
}

/** `key="value"` lines in order of their keys (pkg/fieldpath, FormatMap). */
export function formatMap(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${goQuote(map[key] ?? '')}`)
    .join('\n');
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** strconv.Quote: what Go does not call printable is escaped. */
function goQuote(text: string): string {
  return `"${[...text].map(quoteCharacter).join('')}"`;
}

function quoteCharacter(character: string): string {
  const short = shortEscapes[character];
  if (short !== undefined) return short;
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
