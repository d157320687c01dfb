import * as cluster from './columns/cluster.ts';
import * as network from './columns/network.ts';
import {podColumns} from './columns/pods.ts';
import {ageColumn, nameColumn} from './columns/shared.ts';
import * as storage from './columns/storage.ts';
import * as workloads from './columns/workloads.ts';
import type {Column} from './definition.ts';

const rbac = 'rbac.authorization.k8s.io';

/** What `kubectl get` prints, kind by kind (pkg/printers/internalversion). */
const tables: Readonly<Record<string, readonly Column[]>> = {
  '/pods': podColumns,
  '/nodes': cluster.nodeColumns,
  '/namespaces': cluster.namespaceColumns,
  '/events': cluster.eventColumns,
  '/configmaps': cluster.dataColumns,
  '/secrets': cluster.secretColumns,
  '/services': network.serviceColumns,
  '/endpoints': network.endpointsColumns,
  '/persistentvolumes': storage.volumeColumns,
  '/persistentvolumeclaims': storage.claimColumns,
  'apps/deployments': workloads.deploymentColumns,
  'apps/replicasets': workloads.replicaSetColumns,
  'certificates.k8s.io/certificatesigningrequests': cluster.csrColumns,
  'coordination.k8s.io/leases': cluster.leaseColumns,
  'discovery.k8s.io/endpointslices': network.sliceColumns,
  'networking.k8s.io/servicecidrs': network.serviceCidrColumns,
  'networking.k8s.io/ipaddresses': network.ipAddressColumns,
  'node.k8s.io/runtimeclasses': cluster.runtimeClassColumns,
  'scheduling.k8s.io/priorityclasses': cluster.priorityClassColumns,
  'storage.k8s.io/csinodes': cluster.csiNodeColumns,
  'storage.k8s.io/csidrivers': storage.driverColumns,
  'storage.k8s.io/storageclasses': storage.storageClassColumns,
  'storage.k8s.io/volumeattachments': storage.attachmentColumns,
  [`${rbac}/roles`]: cluster.roleColumns,
  [`${rbac}/clusterroles`]: cluster.roleColumns,
  [`${rbac}/rolebindings`]: cluster.bindingColumns,
  [`${rbac}/clusterrolebindings`]: cluster.bindingColumns,
};

/** The table of a kind; kinds without one of their own show name and age. */
export function columnsOf(collection: string): readonly Column[] {
  return tables[collection] ?? [nameColumn, ageColumn];
}
