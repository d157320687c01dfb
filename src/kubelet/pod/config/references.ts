import type {Container, Pod} from '../../../lib/kubernetes.ts';
import type {ObjectReference} from '../../api/objects.ts';
import {environmentReferences} from './environment/environment.ts';

/** Every Secret and ConfigMap that a pod uses: image pulls, environments, volumes. */
export function podReferences(pod: Pod): ObjectReference[] {
  const secrets = new Set<string>();
  const configMaps = new Set<string>();
  const {spec} = pod;
  const containers: Container[] = [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...(spec.ephemeralContainers ?? []),
  ];
  for (const container of containers) {
    const used = environmentReferences(container);
    for (const name of used.secrets) secrets.add(name);
    for (const name of used.configMaps) configMaps.add(name);
  }
  for (const {name} of spec.imagePullSecrets ?? []) if (name) secrets.add(name);
  for (const volume of spec.volumes ?? []) {
    const sources = [{secret: {name: volume.secret?.secretName}, configMap: volume.configMap}];
    for (const source of [...sources, ...(volume.projected?.sources ?? [])]) {
      if (source.secret?.name) secrets.add(source.secret.name);
      if (source.configMap?.name) configMaps.add(source.configMap.name);
    }
  }
  const {namespace} = pod.metadata;
  return [
    ...[...secrets].map((name) => ({kind: 'Secret' as const, namespace, name})),
    ...[...configMaps].map((name) => ({kind: 'ConfigMap' as const, namespace, name})),
  ];
}
