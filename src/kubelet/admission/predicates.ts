import type {Container, Node, Pod, PodSpec} from '../../lib/kubernetes.ts';
import {type Labels, meets, type Requirement} from '../../lib/labels.ts';
import {quantityMilli, quantityValue} from '../../lib/quantity.ts';
import {podRequests, type ResourceList} from '../pod/config/resources/pod-resources.ts';
import type {ActivePod, Misfit} from './types.ts';

/**
 * What the scheduler would say of the pod on this node (scheduler.AdmissionCheck, all failures, in its order), and
 * taints that would have it evicted at once. Static pods are held to no taint.
 */
export function misfits(pod: Pod, isStatic: boolean, node: Node, others: readonly ActivePod[]): Misfit[] {
  return [
    ...shortages(pod, node, others),
    ...predicate(
      matchesAffinity(pod.spec, node),
      'NodeAffinity',
      "node(s) didn't match Pod's node affinity/selector",
    ),
    ...predicate(
      portsAreFree(pod.spec, others),
      'NodePorts',
      "node(s) didn't have free ports for the requested pod ports",
    ),
    ...predicate(
      isStatic || toleratesAll(pod.spec, node),
      'TaintToleration',
      "node(s) had taints that the pod didn't tolerate",
    ),
  ];
}

function predicate(holds: boolean, name: string, message: string): Misfit[] {
  return holds ? [] : [{kind: 'predicate', name, message}];
}

/** cpu in thousandths, all else in whole units. */
export function amount(name: string, list: ResourceList): number {
  return name === 'cpu' ? quantityMilli(list.cpu) : quantityValue(list[name]);
}

export function requestsOf({spec}: Pod): ResourceList {
  return podRequests(spec, {overhead: true});
}

function shortages(pod: Pod, node: Node, others: readonly ActivePod[]): Misfit[] {
  const allocatable = node.status?.allocatable ?? {};
  const requests = requestsOf(withoutClaimed(pod));
  const used = others.map((other) => requestsOf(other.pod));
  const lack = (resource: string, requested: number, inUse: number): Misfit[] => {
    const capacity = amount(resource, allocatable);
    const fits = requested <= capacity - inUse;
    return fits ? [] : [{kind: 'shortage', resource, requested, used: inUse, capacity}];
  };
  return [
    ...lack('pods', 1, others.length),
    ...Object.keys(requests)
      // What the node does not know is counted elsewhere: cluster-level resources.
      .filter((name) => !isExtended(name) || Object.hasOwn(allocatable, name))
      .flatMap((name) => {
        const requested = amount(name, requests);
        const inUse = used.reduce((sum, list) => sum + amount(name, list), 0);
        return requested === 0 ? [] : lack(name, requested, inUse);
      }),
  ];
}

/**
 * The pod without extended resources that a ResourceClaim stands for: the node does not count them. It may never have
 * heard of them, or had them of a device plugin that is gone (lifecycle/predicate.go, removeMissingExtendedResources).
 */
function withoutClaimed(pod: Pod): Pod {
  const mappings = pod.status?.extendedResourceClaimStatus?.requestMappings ?? [];
  if (mappings.length === 0) return pod;
  const stripped = (container: Container): Container => {
    const claimed = mappings.filter(({containerName}) => containerName === container.name);
    const names = claimed.map(({resourceName}) => resourceName);
    const left = Object.entries(container.resources?.requests ?? {}).filter(
      ([name]) => !names.includes(name),
    );
    return {...container, resources: {...container.resources, requests: Object.fromEntries(left)}};
  };
  const {containers, initContainers, ...spec} = pod.spec;
  const init = initContainers === undefined ? {} : {initContainers: initContainers.map(stripped)};
  return {...pod, spec: {...spec, ...init, containers: containers.map(stripped)}};
}

/** apis/core/v1/helper, IsExtendedResourceName. */
function isExtended(name: string): boolean {
  return name.includes('/') && !/^([^/]*\.)?kubernetes\.io\//.test(name);
}

function matchesAffinity({nodeSelector = {}, affinity}: PodSpec, {metadata}: Node): boolean {
  const labels = metadata.labels ?? {};
  if (!Object.entries(nodeSelector).every(([key, value]) => labels[key] === value)) return false;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return true;
  return matchesNodeSelector(required, labels, {'metadata.name': metadata.name});
}

type NodeSelector = {
  readonly nodeSelectorTerms: readonly {
    readonly matchExpressions?: readonly Expression[];
    readonly matchFields?: readonly Expression[];
  }[];
};
type Expression = {readonly key: string; readonly operator: string; readonly values?: readonly string[]};

/** Whether one of the terms holds for a node's labels and fields. */
export function matchesNodeSelector(selector: NodeSelector, labels: Labels, fields: Labels): boolean {
  return selector.nodeSelectorTerms.some(({matchExpressions = [], matchFields = []}) => {
    // An empty term matches nothing.
    if (matchExpressions.length + matchFields.length === 0) return false;
    return matchExpressions.every((e) => holds(e, labels)) && matchFields.every((e) => holds(e, fields));
  });
}

const operators: readonly string[] = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'];

function holds({key, operator, values = []}: Expression, labels: Labels): boolean {
  return isOperator(operator) && meets(labels, {key, operator, values});
}

function isOperator(text: string): text is Requirement['operator'] {
  return operators.includes(text);
}

const anyAddress = '0.0.0.0';

function hostPorts({containers, initContainers = []}: PodSpec) {
  const sidecars = initContainers.filter(({restartPolicy}) => restartPolicy === 'Always');
  return [...sidecars, ...containers]
    .flatMap(({ports = []}) => ports)
    .filter(({hostPort = 0}) => hostPort > 0)
    .map(({hostPort, hostIP, protocol = 'TCP'}) => ({hostPort, ip: hostIP || anyAddress, protocol}));
}

function portsAreFree(spec: PodSpec, others: readonly ActivePod[]): boolean {
  const taken = others.flatMap(({pod}) => hostPorts(pod.spec));
  return hostPorts(spec).every(
    (port) =>
      !taken.some(
        (other) =>
          other.hostPort === port.hostPort &&
          other.protocol === port.protocol &&
          (other.ip === port.ip || [other.ip, port.ip].includes(anyAddress)),
      ),
  );
}

function toleratesAll({tolerations = []}: PodSpec, {spec}: Node): boolean {
  const taints = (spec?.taints ?? []).filter(({effect}) => effect === 'NoExecute');
  return taints.every((taint) =>
    tolerations.some(
      ({key, operator = 'Equal', value = '', effect}) =>
        (!effect || effect === taint.effect) &&
        (!key || key === taint.key) &&
        (operator === 'Exists' ||
          ((operator === 'Equal' || operator === '') && value === (taint.value ?? ''))),
    ),
  );
}
