/**
 * How strategic merge treats the fields of the built-in kinds: `patchStrategy` and `patchMergeKey` of
 * k8s.io/api's types. A list without an entry is replaced whole.
 */
export type MergeRule = {
  /** A list of objects, merged by this key. */
  readonly key?: string;
  /** A list of plain values, merged as a set. */
  readonly set?: true;
  readonly fields?: MergeFields;
};
export type MergeFields = {readonly [field: string]: MergeRule};

const byType: MergeRule = {key: 'type'};
const withConditions: MergeFields = {conditions: byType};

const container: MergeFields = {
  env: {key: 'name'},
  ports: {key: 'containerPort'},
  volumeMounts: {key: 'mountPath'},
  volumeDevices: {key: 'devicePath'},
};

const podSpec: MergeFields = {
  containers: {key: 'name', fields: container},
  initContainers: {key: 'name', fields: container},
  ephemeralContainers: {key: 'name', fields: container},
  volumes: {key: 'name'},
  imagePullSecrets: {key: 'name'},
  hostAliases: {key: 'ip'},
  topologySpreadConstraints: {key: 'topologyKey'},
  schedulingGates: {key: 'name'},
  resourceClaims: {key: 'name'},
};

const metadata: MergeRule = {fields: {finalizers: {set: true}, ownerReferences: {key: 'uid'}}};
const template: MergeRule = {fields: {metadata, spec: {fields: podSpec}}};
const workload: MergeFields = {spec: {fields: {template}}, status: {fields: withConditions}};

const kinds: Readonly<Record<string, MergeFields>> = {
  '/Pod': {
    spec: {fields: podSpec},
    status: {
      fields: {
        ...withConditions,
        podIPs: {key: 'ip'},
        hostIPs: {key: 'ip'},
        resourceClaimStatuses: {key: 'name'},
      },
    },
  },
  '/Node': {
    spec: {fields: {podCIDRs: {set: true}}},
    status: {fields: {...withConditions, addresses: byType}},
  },
  '/Service': {spec: {fields: {ports: {key: 'port'}}}, status: {fields: withConditions}},
  '/ServiceAccount': {secrets: {key: 'name'}},
  '/Namespace': {status: {fields: withConditions}},
  '/PersistentVolumeClaim': {status: {fields: withConditions}},
  'apps/Deployment': workload,
  'apps/ReplicaSet': workload,
  'storage.k8s.io/CSINode': {spec: {fields: {drivers: {key: 'name'}}}},
  'networking.k8s.io/ServiceCIDR': {status: {fields: withConditions}},
};

export function mergeFields(group: string, kind: string): MergeFields {
  return {...kinds[`${group}/${kind}`], metadata};
}
