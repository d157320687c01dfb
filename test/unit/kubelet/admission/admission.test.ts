import {describe, expect, it} from 'vitest';
import {decideAdmission} from '../../../../src/kubelet/admission/admit.ts';
import type {ActivePod, AdmissionSeen} from '../../../../src/kubelet/admission/types.ts';
import type {Node, Pod, PodSpec} from '../../../../src/lib/kubernetes.ts';
import {container, pod} from '../pod/fixtures.ts';

const node: Node = {
  metadata: {name: 'node-1', uid: 'n', resourceVersion: '1', labels: {zone: 'a', cores: '8'}},
  status: {
    allocatable: {cpu: '2', memory: '1Gi', 'ephemeral-storage': '10Gi', pods: '3', 'example.com/gpu': '1'},
  },
};

function asking(requests: Record<string, string>, rest: Partial<PodSpec> = {}, name = 'web'): Pod {
  return pod({containers: [container('main', {resources: {requests}})], ...rest}, {name, uid: name});
}

const other = (of: Pod, rest: Partial<ActivePod> = {}): ActivePod => ({
  pod: of,
  isStatic: false,
  ending: false,
  ...rest,
});

const features = ['RestartAllContainersOnContainerExits'];

function decide(of: Pod, rest: Partial<AdmissionSeen> = {}) {
  const seen = {isStatic: false, node, others: [], allowedUnsafeSysctls: [], appArmor: true, features};
  return decideAdmission({pod: of, ...seen, ...rest});
}

const affinity = (key: string, operator: string, values: string[]): Partial<PodSpec> => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{matchExpressions: [{key, operator, values}]}],
      },
    },
  },
});
const port = (hostPort: number, rest: object = {}): Partial<PodSpec> => ({
  containers: [container('main', {ports: [{containerPort: 80, hostPort, ...rest}]})],
});
const taint = (effect: string): Node => ({...node, spec: {taints: [{key: 'k', value: 'v', effect}]}});

describe('a pod that fits', () => {
  it.each<[string, Pod, Partial<AdmissionSeen>?]>([
    ['asks for nothing', pod()],
    ['asks for all that is left', asking({cpu: '1500m'}), {others: [other(asking({cpu: '500m'}, {}, 'o'))]}],
    ['asks for a resource that the node does not count', asking({'example.com/licence': '5'})],
    ['has the node labels', asking({}, {nodeSelector: {zone: 'a'}})],
    ['meets one term', asking({}, affinity('cores', 'Gt', ['4']))],
    ['has a port of another protocol', pod(port(80, {protocol: 'UDP'})), {others: [other(pod(port(80)))]}],
    [
      'has a port of another address',
      pod(port(80, {hostIP: '192.0.2.1'})),
      {others: [other(pod(port(80, {hostIP: '192.0.2.2'})))]},
    ],
    ['tolerates', asking({}, {tolerations: [{key: 'k', operator: 'Exists'}]}), {node: taint('NoExecute')}],
    ['is not held to NoSchedule', asking({}), {node: taint('NoSchedule')}],
    ['is static, whatever the taints', asking({}), {node: taint('NoExecute'), isStatic: true}],
    ['is static, before there is a Node', asking({cpu: '64'}), {node: undefined, isStatic: true}],
    [
      'sets a safe sysctl',
      pod({securityContext: {sysctls: [{name: 'net/ipv4/tcp_syncookies', value: '1'}]}}),
    ],
    [
      'sets an allowed one',
      pod({securityContext: {sysctls: [{name: 'net.core.somaxconn', value: '1'}]}}),
      {allowedUnsafeSysctls: ['net.core.*']},
    ],
  ])('%s', (_, of, rest) => expect(decide(of, rest)).toEqual({do: 'admit'}));

  it('waits for the Node', () => expect(decide(pod(), {node: undefined})).toEqual({do: 'wait'}));
});

describe('a pod that is refused', () => {
  const mismatch = "node(s) didn't match Pod's node affinity/selector";
  it.each<[string, string, Pod, Partial<AdmissionSeen>?]>([
    [
      'OutOfcpu',
      "Node didn't have enough resource: cpu, requested: 1501, used: 500, capacity: 2000",
      asking({cpu: '1501m'}),
      {others: [other(asking({cpu: '500m'}, {}, 'o'))]},
    ],
    [
      'OutOfmemory',
      "Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824",
      asking({memory: '2Gi'}),
    ],
    ['OutOfephemeral-storage', 'requested: 11811160064', asking({'ephemeral-storage': '11Gi'})],
    ['OutOfexample.com/gpu', 'requested: 2, used: 0, capacity: 1', asking({'example.com/gpu': '2'})],
    ['OutOfcpu', 'requested: 2500', asking({cpu: '2'}, {overhead: {cpu: '500m'}})],
    [
      'OutOfpods',
      'pods, requested: 1, used: 3, capacity: 3',
      pod(),
      {others: ['a', 'b', 'c'].map((name) => other(asking({}, {}, name)))},
    ],
    ['NodeAffinity', `Predicate NodeAffinity failed: ${mismatch}`, asking({}, {nodeSelector: {zone: 'b'}})],
    ['NodeAffinity', mismatch, asking({}, affinity('zone', 'NotIn', ['a']))],
    ['NodePorts', "didn't have free ports", pod(port(80)), {others: [other(pod(port(80, {hostIP: '::1'})))]}],
    ['TaintToleration', "taints that the pod didn't tolerate", pod(), {node: taint('NoExecute')}],
    ['PodOSNotSupported', "OS field doesn't match", pod({os: {name: 'windows'}})],
    [
      'SysctlForbidden',
      'forbidden sysctl: "net.core.somaxconn" not allowlisted',
      pod({securityContext: {sysctls: [{name: 'net.core.somaxconn', value: '1'}]}}),
    ],
    [
      'SysctlForbidden',
      '"net.ipv4.tcp_rmem" not allowed with host Net enabled',
      pod({hostNetwork: true, securityContext: {sysctls: [{name: 'net.ipv4.tcp_rmem', value: '1'}]}}),
    ],
    [
      'SysctlForbidden',
      '"vm.swappiness" not allowlisted',
      pod({securityContext: {sysctls: [{name: 'vm.swappiness', value: '1'}]}}),
      {allowedUnsafeSysctls: ['vm.*']},
    ],
  ])('%s: %s', (reason, message, of, rest) =>
    expect(decide(of, rest)).toEqual({do: 'reject', reason, message: expect.stringContaining(message)}),
  );
});

/** lifecycle/predicate_test.go, TestRemoveMissingExtendedResources, by its meaning. */
describe('an extended resource that a claim stands for', () => {
  const gone = {...node, status: {allocatable: {...node.status?.allocatable, 'example.com/gpu': '0'}}};
  const claimed = (resource: string, containerName = 'main'): Pod => ({
    ...asking({[resource]: '5'}),
    status: {
      extendedResourceClaimStatus: {
        resourceClaimName: 'web-claim',
        requestMappings: [{containerName, resourceName: resource, requestName: 'r'}],
      },
    },
  });

  it.each(['example.com/gpu', 'example.com/licence', 'deviceclass.resource.kubernetes.io/gpu'])(
    'is not counted: %s',
    (resource) => {
      expect(decide(claimed(resource), {node: gone})).toEqual({do: 'admit'});
    },
  );

  it.each([
    ['stands for that of another container', claimed('example.com/gpu', 'other')],
    ['has none', asking({'example.com/gpu': '5'})],
  ])('is counted where the claim %s', (_, of) => {
    expect(decide(of, {node: gone})).toMatchObject({do: 'reject', reason: 'OutOfexample.com/gpu'});
  });
});

describe('AppArmor (pkg/security/apparmor/validate_test.go)', () => {
  const confined = (type: string, localhostProfile?: string) =>
    pod({
      securityContext: {
        appArmorProfile: {type, ...(localhostProfile === undefined ? {} : {localhostProfile})},
      },
    });
  const own = (type: string) =>
    pod({containers: [container('main', {securityContext: {appArmorProfile: {type}}})]});
  const annotated = (value: string) =>
    pod({}, {annotations: {'container.apparmor.security.beta.kubernetes.io/main': value}});
  const without = {appArmor: false};

  it.each<[string, Pod, Partial<AdmissionSeen>]>([
    ['wants none', pod(), without],
    ['wants to be unconfined', confined('Unconfined'), without],
    ['has a container that wants to be', own('Unconfined'), without],
    ['wants to be by annotation', annotated('unconfined'), without],
    ['wants the default of the runtime', confined('RuntimeDefault'), {}],
    ['wants one of the machine', confined('Localhost', 'mine'), {}],
    ['wants it by annotation', annotated('localhost/mine'), {}],
  ])('admits a pod that %s', (_, of, rest) => expect(decide(of, rest)).toEqual({do: 'admit'}));

  const off = 'Cannot enforce AppArmor: AppArmor is not enabled on the host';
  it.each<[string, Pod, Partial<AdmissionSeen>, string]>([
    ['that wants the default', confined('RuntimeDefault'), without, off],
    ['with a container that wants it', own('RuntimeDefault'), without, off],
    ['that wants it by annotation', annotated('runtime/default'), without, off],
    [
      'with an empty name',
      confined('Localhost', ' '),
      {},
      'Cannot enforce AppArmor: invalid empty AppArmor profile name',
    ],
  ])('refuses a pod %s', (_, of, rest, message) =>
    expect(decide(of, rest)).toEqual({do: 'reject', reason: 'AppArmor', message}),
  );
});

describe('supplementalGroupsPolicy (TestPodAdmissionBasedOnSupplementalGroupsPolicy)', () => {
  const groups = (policy: string) => pod({securityContext: {supplementalGroupsPolicy: policy}});
  const able = {node: {...node, status: {...node.status, features: {supplementalGroupsPolicy: true}}}};

  it.each<[string, Pod, Partial<AdmissionSeen>, string]>([
    ['Strict on a node without it', groups('Strict'), {}, 'reject'],
    ['Strict on a node with it', groups('Strict'), able, 'admit'],
    ['Merge on a node without it', groups('Merge'), {}, 'admit'],
    ['none on a node without it', pod(), {}, 'admit'],
    ['none on a node with it', pod(), able, 'admit'],
  ])('%s', (_, of, rest, what) => expect(decide(of, rest).do).toBe(what));
});

describe('the system of a pod (TestRejectPodAdmissionBasedOnOS…)', () => {
  const labelled = (os: string) => pod({}, {labels: {'kubernetes.io/os': os}});
  it.each<[string, Pod, string]>([
    ['a label of this system', labelled('linux'), 'admit'],
    ['a label of another', labelled('dummyOS'), 'reject'],
    ['a field of this system', pod({os: {name: 'linux'}}), 'admit'],
    ['a field of another', pod({os: {name: 'dummyOS'}}), 'reject'],
  ])('%s', (_, of, what) => expect(decide(of).do).toBe(what));
});

describe('a critical pod', () => {
  const critical = asking({cpu: '1400m'}, {priority: 2_000_001_000});
  const small = asking({cpu: '600m'}, {}, 'small');
  const large = asking({cpu: '1200m'}, {}, 'large');
  const name = ({metadata}: Pod) => metadata.name;
  const preempted = (of: Pod, others: readonly ActivePod[]) => {
    const decision = decide(of, {others});
    return decision.do === 'preempt' ? decision.pods.map(name) : decision;
  };

  it('takes the room of the fewest', () =>
    expect(preempted(critical, [other(small), other(large)])).toEqual(['large']));

  it('takes the smaller of two that are enough', () =>
    expect(preempted(asking({cpu: '500m'}, {priority: 2e9}), [other(small), other(large)])).toEqual([
      'small',
    ]));

  it('takes a place from best effort first', () => {
    const others = [other(small), other(asking({}, {}, 'free')), other(asking({cpu: '1m'}, {}, 'third'))];
    expect(preempted(asking({}, {priority: 2e9}), others)).toEqual(['free']);
  });

  it('waits for what is ending already', () =>
    expect(decide(critical, {others: [other(large, {ending: true})]})).toEqual({do: 'wait'}));

  it('is refused when even all of them would not do', () => {
    const others = [other(large, {isStatic: true})];
    expect(decide(critical, {others})).toMatchObject({do: 'reject', reason: 'UnexpectedAdmissionError'});
  });

  it('is refused for rules that no room helps with, and ends nobody', () =>
    expect(
      decide(asking({cpu: '2'}, {priority: 2e9, nodeSelector: {zone: 'b'}}), {others: [other(large)]}),
    ).toMatchObject({do: 'reject', reason: 'NodeAffinity'}));
});

/** lifecycle/handlers_test.go, TestDeclaredFeaturesAdmitHandler, with the features that there are. */
describe('features that a node has to declare', () => {
  const rule = {action: 'RestartAllContainers', exitCodes: {operator: 'In', values: [1]}};
  const restartsAll = pod({
    containers: [container('main', {restartPolicy: 'Never', restartPolicyRules: [rule]})],
  });
  const ownUsersOnHost = pod({hostNetwork: true, hostUsers: false});
  const refused = (name: string) => ({
    do: 'reject',
    reason: 'PodFeatureUnsupported',
    message: `Pod requires node features that are not available: ${name}`,
  });
  it.each([
    ['what is declared', restartsAll, features, {do: 'admit'}],
    ['what is not', restartsAll, ['Other'], refused('RestartAllContainersOnContainerExits')],
    [
      'users of its own in the network of the node',
      ownUsersOnHost,
      features,
      refused('UserNamespacesHostNetworkSupport'),
    ],
    ['the same of a node of a release that declares nothing', ownUsersOnHost, [], {do: 'admit'}],
    ['users of its own', pod({hostUsers: false}), features, {do: 'admit'}],
  ])('%s', (_, of, declared, is) => expect(decide(of, {features: declared})).toEqual(is));
});
