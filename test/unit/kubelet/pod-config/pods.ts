import type {ResourceFacts} from '../../../../src/kubelet/pod/config/resources/resources.ts';
import type {SecurityFacts} from '../../../../src/kubelet/pod/config/security/security.ts';
import type {ConfigMap, Container, Pod, Secret, Service} from '../../../../src/lib/kubernetes.ts';

export function pod(spec: Partial<Pod['spec']> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {name: 'web', namespace: 'shop', uid: 'u-1', resourceVersion: '1', ...metadata},
    spec: {containers: [container()], enableServiceLinks: true, ...spec},
  };
}

export function container(fields: Partial<Container> = {}): Container {
  return {name: 'app', image: 'example/app:1', ...fields};
}

export function service(name: string, namespace: string, spec: Partial<Service['spec']>): Service {
  return {metadata: {name, namespace, uid: name, resourceVersion: '1'}, spec};
}

export function configMap(name: string, data: Record<string, string>): ConfigMap {
  return {metadata: {name, namespace: 'shop', uid: name, resourceVersion: '1'}, data};
}

export function secret(name: string, data: Record<string, string>): Secret {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return {
    metadata: {name, namespace: 'shop', uid: name, resourceVersion: '1'},
    data: Object.fromEntries(encoded),
  };
}

export const resourceFacts: ResourceFacts = {
  memoryCapacityBytes: 8 * 1024 ** 3,
  cgroupV2: true,
  cpuCfsQuota: true,
  cpuCfsQuotaPeriodUs: 100_000,
  singleProcessOomKill: false,
  hugePageSizes: [2 * 1024 ** 2],
  swapAccounting: true,
};

export const securityFacts: SecurityFacts = {
  seccompRoot: '/var/lib/kubelet/seccomp',
  seccompDefault: false,
  maskedPaths: [],
};
