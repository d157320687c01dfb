import type {JsonObject} from '../json.ts';

/** The roles and bindings that exist from the start: Kubernetes' bootstrap policy and kubeadm's additions. */
const rbac = 'rbac.authorization.k8s.io';
const readOnly = ['get', 'list', 'watch'];
const readWrite = [...readOnly, 'create', 'delete', 'deletecollection', 'patch', 'update'];
const bootstrappers = 'system:bootstrappers:kubeadm:default-node-token';

export type PolicyObject = {
  readonly plural: 'roles' | 'clusterroles' | 'rolebindings' | 'clusterrolebindings';
  readonly namespace?: string;
  readonly body: JsonObject;
};

type Rule = {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
};

const rule = (apiGroup: string, resources: string[], verbs: string[], resourceNames?: string[]): Rule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
  ...(resourceNames === undefined ? {} : {resourceNames}),
});

const clusterRole = (name: string, rules: Rule[]): PolicyObject => ({
  plural: 'clusterroles',
  body: {metadata: {name}, rules},
});

const role = (namespace: string, name: string, rules: Rule[]): PolicyObject => ({
  plural: 'roles',
  namespace,
  body: {metadata: {name, namespace}, rules},
});

type Subject = {kind: 'Group' | 'User'; name: string};
const groupNamed = (name: string): Subject => ({kind: 'Group', name});
const userNamed = (name: string): Subject => ({kind: 'User', name});

const subjectsOf = (subjects: readonly Subject[]) => subjects.map((s) => ({apiGroup: rbac, ...s}));

const bind = (name: string, roleName: string, ...subjects: Subject[]): PolicyObject => ({
  plural: 'clusterrolebindings',
  body: {
    metadata: {name},
    roleRef: {apiGroup: rbac, kind: 'ClusterRole', name: roleName},
    subjects: subjectsOf(subjects),
  },
});

const bindIn = (namespace: string, name: string, roleName: string, ...subjects: Subject[]): PolicyObject => ({
  plural: 'rolebindings',
  namespace,
  body: {
    metadata: {name, namespace},
    roleRef: {apiGroup: rbac, kind: 'Role', name: roleName},
    subjects: subjectsOf(subjects),
  },
});

const workloadResources = (verbs: string[]): Rule[] => [
  rule(
    '',
    ['pods', 'services', 'configmaps', 'endpoints', 'persistentvolumeclaims', 'serviceaccounts'],
    verbs,
  ),
  rule('apps', ['deployments', 'deployments/scale', 'replicasets', 'replicasets/scale'], verbs),
];

const viewRules: Rule[] = [
  ...workloadResources(readOnly),
  rule('', ['events', 'limitranges', 'namespaces', 'resourcequotas', 'pods/log', 'pods/status'], readOnly),
  rule('apps', ['deployments/status', 'replicasets/status'], readOnly),
  rule('discovery.k8s.io', ['endpointslices'], readOnly),
];
const editRules: Rule[] = [
  ...viewRules,
  ...workloadResources(readWrite),
  rule('', ['secrets'], readWrite),
  rule('', ['pods/attach', 'pods/exec', 'pods/portforward'], ['get', 'create']),
  rule('', ['pods/eviction', 'serviceaccounts/token'], ['create']),
  rule('', ['events'], ['create', 'patch', 'update']),
  rule('coordination.k8s.io', ['leases'], readWrite),
];
const adminRules: Rule[] = [
  ...editRules,
  rule(rbac, ['roles', 'rolebindings'], readWrite),
  rule('authorization.k8s.io', ['localsubjectaccessreviews'], ['create']),
];

const csr = 'certificates.k8s.io';
const everyone = [groupNamed('system:authenticated')];
const configMapsOfJoin = ['kubeadm-config', 'kubelet-config'];
const joining = [groupNamed(bootstrappers), groupNamed('system:nodes')];

/** plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go, as far as this server's kinds go. */
const clusterPolicy: readonly PolicyObject[] = [
  clusterRole('cluster-admin', [rule('*', ['*'], ['*']), {nonResourceURLs: ['*'], verbs: ['*']}]),
  bind('cluster-admin', 'cluster-admin', groupNamed('system:masters')),
  clusterRole('admin', adminRules),
  clusterRole('edit', editRules),
  clusterRole('view', viewRules),
  clusterRole('system:discovery', [
    {
      nonResourceURLs: [
        '/livez',
        '/readyz',
        '/healthz',
        '/version',
        '/version/',
        '/openapi',
        '/openapi/*',
        '/api',
        '/api/*',
        '/apis',
        '/apis/*',
      ],
      verbs: ['get'],
    },
  ]),
  bind('system:discovery', 'system:discovery', ...everyone),
  clusterRole('system:public-info-viewer', [
    {nonResourceURLs: ['/livez', '/readyz', '/healthz', '/version', '/version/'], verbs: ['get']},
  ]),
  bind(
    'system:public-info-viewer',
    'system:public-info-viewer',
    ...everyone,
    groupNamed('system:unauthenticated'),
  ),
  clusterRole('system:basic-user', [
    rule('authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']),
    rule('authentication.k8s.io', ['selfsubjectreviews'], ['create']),
  ]),
  bind('system:basic-user', 'system:basic-user', ...everyone),
  clusterRole('system:service-account-issuer-discovery', [
    {
      nonResourceURLs: [
        '/.well-known/openid-configuration',
        '/.well-known/openid-configuration/',
        '/openid/v1/jwks',
        '/openid/v1/jwks/',
      ],
      verbs: ['get'],
    },
  ]),
  bind(
    'system:service-account-issuer-discovery',
    'system:service-account-issuer-discovery',
    groupNamed('system:serviceaccounts'),
  ),
  clusterRole('system:auth-delegator', [
    rule('authentication.k8s.io', ['tokenreviews'], ['create']),
    rule('authorization.k8s.io', ['subjectaccessreviews'], ['create']),
  ]),
  clusterRole('system:kubelet-api-admin', [
    rule('', ['nodes'], [...readOnly, 'proxy']),
    rule(
      '',
      [
        'nodes/log',
        'nodes/metrics',
        'nodes/proxy',
        'nodes/stats',
        'nodes/configz',
        'nodes/healthz',
        'nodes/pods',
      ],
      ['*'],
    ),
  ]),
  clusterRole('system:node-proxier', [
    rule('', ['services', 'endpoints', 'nodes'], readOnly),
    rule('discovery.k8s.io', ['endpointslices'], readOnly),
    rule('networking.k8s.io', ['servicecidrs'], readOnly),
    rule('', ['events'], ['create', 'patch', 'update']),
    rule('events.k8s.io', ['events'], ['create', 'patch', 'update']),
  ]),
  bind('system:node-proxier', 'system:node-proxier', userNamed('system:kube-proxy')),
];

/** kubeadm's phases bootstraptoken and kubelet: what a joining node may do and read. */
const joinPolicy: readonly PolicyObject[] = [
  clusterRole('system:node-bootstrapper', [
    rule(csr, ['certificatesigningrequests'], ['create', 'get', 'list', 'watch']),
  ]),
  bind('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', groupNamed(bootstrappers)),
  clusterRole('system:certificates.k8s.io:certificatesigningrequests:nodeclient', [
    rule(csr, ['certificatesigningrequests/nodeclient'], ['create']),
  ]),
  bind(
    'kubeadm:node-autoapprove-bootstrap',
    'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
    groupNamed(bootstrappers),
  ),
  clusterRole('system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', [
    rule(csr, ['certificatesigningrequests/selfnodeclient'], ['create']),
  ]),
  bind(
    'kubeadm:node-autoapprove-certificate-rotation',
    'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    groupNamed('system:nodes'),
  ),
  clusterRole('kubeadm:get-nodes', [rule('', ['nodes'], ['get'])]),
  bind('kubeadm:get-nodes', 'kubeadm:get-nodes', groupNamed(bootstrappers)),
  role('kube-public', 'kubeadm:bootstrap-signer-clusterinfo', [
    rule('', ['configmaps'], ['get'], ['cluster-info']),
  ]),
  bindIn(
    'kube-public',
    'kubeadm:bootstrap-signer-clusterinfo',
    'kubeadm:bootstrap-signer-clusterinfo',
    userNamed('system:anonymous'),
  ),
  ...configMapsOfJoin.flatMap((name) => {
    const roleName = name === 'kubeadm-config' ? 'kubeadm:nodes-kubeadm-config' : 'kubeadm:kubelet-config';
    return [
      role('kube-system', roleName, [rule('', ['configmaps'], ['get'], [name])]),
      bindIn('kube-system', roleName, roleName, ...joining),
    ];
  }),
  role('kube-system', 'kube-proxy', [rule('', ['configmaps'], ['get'], ['kube-proxy'])]),
  bindIn('kube-system', 'kube-proxy', 'kube-proxy', groupNamed(bootstrappers)),
];

export const bootstrapPolicy: readonly PolicyObject[] = [...clusterPolicy, ...joinPolicy];
