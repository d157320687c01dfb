import {
  certificateSigningRequests,
  configMaps,
  csiDrivers,
  deployments,
  endpointSlices,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  replicaSets,
  resourceClaims,
  secrets,
  services,
} from '../../lib/resources.ts';
import {forbidden, notFound} from '../status.ts';
import {checkMetadata} from './metadata.ts';
import {
  admitConfigMap,
  admitCsr,
  admitEndpointSlice,
  admitNamespace,
  admitNode,
  admitSecret,
} from './others.ts';
import {admitPod} from './pods/pod.ts';
import {Problems} from './problems.ts';
import {Allocators} from './services/allocators.ts';
import {admitService} from './services/service.ts';
import {defaultClaim, defaultCsiDriver, defaultPersistentVolume, defaultResourceClaim} from './storage.ts';
import {type AdmissionOptions, type Admit, concerns, type Lookup, type Write} from './types.ts';
import {admitDeployment, admitReplicaSet} from './workloads.ts';

type Room = {readonly allocators: Allocators; readonly random: () => number};

/** Everything between a decoded object and the store: defaults, admission plugins, validation. */
export function createAdmission(options: AdmissionOptions): Admit {
  const room: Room = {allocators: new Allocators(options), random: options.random};
  return (request, lookup) => {
    admitAny(request, lookup, room);
    return request.object;
  };
}

function admitAny(write: Write, lookup: Lookup, room: Room): void {
  if (write.operation === 'CREATE') checkNamespaceLifecycle(write, lookup);
  if (concerns(write, pods)) admitPod(write, lookup, room.random);
  else if (concerns(write, services)) admitService(write, lookup, room.allocators);
  else if (concerns(write, deployments)) admitDeployment(write);
  else if (concerns(write, replicaSets)) admitReplicaSet(write);
  else admitSimple(write);
}

function admitSimple(write: Write): void {
  if (write.subresource === undefined) admitMetadata(write);
  if (concerns(write, namespaces)) admitNamespace(write);
  else if (concerns(write, configMaps)) admitConfigMap(write);
  else if (concerns(write, secrets)) admitSecret(write);
  else if (concerns(write, nodes)) admitNode(write);
  else if (concerns(write, certificateSigningRequests)) admitCsr(write);
  else if (concerns(write, endpointSlices)) admitEndpointSlice(write);
  else defaultStorage(write);
}

function defaultStorage(write: Write): void {
  if (concerns(write, csiDrivers)) defaultCsiDriver(write.object);
  else if (concerns(write, persistentVolumes)) defaultPersistentVolume(write.object);
  else if (concerns(write, persistentVolumeClaims)) defaultClaim(write.object);
  else if (concerns(write, resourceClaims)) defaultResourceClaim(write.object);
}

function admitMetadata(write: Write): void {
  const problems = new Problems();
  checkMetadata(problems, write.object, write.resource, write.old);
  problems.throwIfAny(write.resource, write.object.metadata.name);
}

/** The NamespaceLifecycle plugin: nothing is made in a namespace that is not there or is going away. */
function checkNamespaceLifecycle(write: Write, lookup: Lookup): void {
  if (!write.resource.namespaced || write.namespace === undefined || write.subresource !== undefined) return;
  const namespace = lookup.get(namespaces, undefined, write.namespace);
  if (namespace === undefined) throw notFound(namespaces, write.namespace);
  if (namespace.metadata.deletionTimestamp === undefined && namespace.status?.phase !== 'Terminating') return;
  throw forbidden(
    write.resource,
    write.object.metadata.name,
    `unable to create new content in namespace ${write.namespace} because it is being terminated`,
  );
}
