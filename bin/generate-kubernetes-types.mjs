// src/config/schema/kubernetes-types.ts from the Go types of a Kubernetes source tree:
//   node bin/generate-kubernetes-types.mjs PATH/TO/kubernetes
// PATH holds staging/src/k8s.io/{api,apimachinery}. Only facts are taken: names, numbers, types, merge keys.
import {readFileSync, writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';

const root = process.argv[2];
if (root === undefined) throw new Error('usage: node bin/generate-kubernetes-types.mjs PATH/TO/kubernetes');
const groups = [
  'apps',
  'authentication',
  'authorization',
  'autoscaling',
  'certificates',
  'coordination',
  'core',
  'discovery',
  'events',
  'networking',
  'node',
  'policy',
  'rbac',
  'scheduling',
  'storage',
];
const roots = {
  apps: ['Deployment', 'ReplicaSet'],
  authentication: ['TokenRequest', 'TokenReview', 'SelfSubjectReview'],
  authorization: [
    'SubjectAccessReview',
    'LocalSubjectAccessReview',
    'SelfSubjectAccessReview',
    'SelfSubjectRulesReview',
  ],
  autoscaling: ['Scale'],
  certificates: ['CertificateSigningRequest'],
  coordination: ['Lease'],
  core: [
    'Namespace',
    'Node',
    'Pod',
    'Service',
    'Endpoints',
    'ConfigMap',
    'Secret',
    'ServiceAccount',
    'Event',
    'Binding',
    'LimitRange',
    'ResourceQuota',
    'PersistentVolume',
    'PersistentVolumeClaim',
  ],
  discovery: ['EndpointSlice'],
  meta: ['DeleteOptions'],
  networking: ['ServiceCIDR', 'IPAddress'],
  node: ['RuntimeClass'],
  policy: ['Eviction'],
  rbac: ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'],
  scheduling: ['PriorityClass'],
  storage: ['CSINode', 'CSIDriver', 'StorageClass', 'VolumeAttachment'],
};

const basic = {
  string: 'string',
  bool: 'bool',
  int: 'int',
  int32: 'int',
  int64: 'int',
  float64: 'number',
  byte: 'bytes',
  'resource.Quantity': 'quantity',
  'intstr.IntOrString': 'intOrString',
  'metav1.Time': 'time',
  'metav1.MicroTime': 'microTime',
  'runtime.RawExtension': 'raw',
  'runtime.Object': 'raw',
  'types.UID': 'string',
  'types.NodeName': 'string',
};

const structs = new Map();
const aliases = new Map();
const sources = [...groups.map((g) => [g, `api/${g}/v1`]), ['meta', 'apimachinery/pkg/apis/meta/v1']];
for (const [group, path] of sources) {
  const text = readFileSync(join(root, 'staging/src/k8s.io', path, 'types.go'), 'utf8');
  for (const [, name, type] of text.matchAll(/^type (\w+) (?!struct|interface)(\S+)/gm))
    aliases.set(`${group}.${name}`, type);
  for (const [, name, body] of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm))
    structs.set(`${group}.${name}`, body);
}

const imports = {
  v1: 'core',
  corev1: 'core',
  metav1: 'meta',
  authenticationv1: 'authentication',
  rbacv1: 'rbac',
  apiv1: 'core',
};
const special = {
  'meta.Time': 'time',
  'meta.MicroTime': 'microTime',
  'meta.FieldsV1': 'raw',
  'meta.Duration': 'raw',
};

function typeOf(go, group) {
  if (go.startsWith('*')) return typeOf(go.slice(1), group);
  if (go === '[]byte') return 'bytes';
  if (go.startsWith('[]')) return `[]${typeOf(go.slice(2), group)}`;
  const map = /^map\[[^\]]+\](.*)$/.exec(go);
  if (map !== null) return `{}${typeOf(map[1], group)}`;
  if (basic[go] !== undefined) return basic[go];
  const [prefix, bare] = go.includes('.') ? go.split('.') : [undefined, go];
  const name = `${prefix === undefined ? group : (imports[prefix] ?? prefix)}.${bare}`;
  if (special[name] !== undefined) return special[name];
  if (bare === 'ExtraValue') return 'extra';
  if (aliases.has(name)) return typeOf(aliases.get(name), name.split('.')[0]);
  if (structs.has(name)) return name;
  throw new Error(`unknown type ${go} in ${group}`);
}

const lines = [];
const done = new Set();
const queue = Object.entries(roots).flatMap(([group, names]) => names.map((name) => `${group}.${name}`));
while (queue.length > 0) {
  const name = queue.shift();
  if (done.has(name)) continue;
  done.add(name);
  lines.push(name);
  const [group] = name.split('.');
  for (const [, field, tags] of structs.get(name).matchAll(/^\t(\w[^`\n]*?)\s+`([^`]*)`/gm)) {
    const json = /json:"([^"]*)"/.exec(tags)?.[1]?.split(',') ?? [];
    const number = /protobuf:"\w+,(\d+)/.exec(tags)?.[1];
    const go = field.split(/\s+/).at(-1);
    if (json[0] === '-' || (number === undefined && go.endsWith('TypeMeta'))) continue;
    const type = typeOf(go, group);
    const reference = type.replace(/^(\[\]|\{\})+/, '');
    if (reference.includes('.')) queue.push(reference);
    const flags = [
      go.startsWith('*') ? '?' : '',
      json.includes('omitempty') ? '' : '!',
      /patchStrategy:"[^"]*retainKeys/.test(tags) ? '=' : '',
      /patchStrategy:"[^"]*merge/.test(tags) ? `+${/patchMergeKey:"(\w+)"/.exec(tags)?.[1] ?? ''}` : '',
    ].join('');
    lines.push(` ${json[0] === '' ? '~' : json[0]} ${number ?? 0} ${type}${flags === '' ? '' : ` ${flags}`}`);
  }
}

const out = resolve(import.meta.dirname, '../src/config/schema/kubernetes-types.ts');
writeFileSync(
  out,
  `/**
 * The types of Kubernetes 1.36 that the sandbox serves. Generated by bin/generate-kubernetes-types.mjs.
 * A type, then its fields: JSON name (~ inline), protobuf number, type, flags: ? pointer, ! always written,
 * = a patch names the keys to keep, + merged by strategic merge (by the key that follows, or as a set).
 */
export const kubernetesTypes = \`
${lines.join('\n')}
\`;
`,
);
