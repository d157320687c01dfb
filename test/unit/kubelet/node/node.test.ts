import {describe, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import type {HostFacts} from '../../../../src/edges/machine/host-facts.ts';
import {type AddressFacts, parseRoutes4, parseRoutes6} from '../../../../src/edges/network/node-addresses.ts';
import {chooseAddresses, cloudAddresses} from '../../../../src/kubelet/node/addresses.ts';
import {decideNode, type NodeAct, type NodeSeen} from '../../../../src/kubelet/node/decide.ts';
import {declaredFeatures} from '../../../../src/kubelet/node/declared-features.ts';
import {isTaken} from '../../../../src/kubelet/node/labels.ts';
import {decideLease} from '../../../../src/kubelet/node/lease.ts';
import {excessReservations, nodeResources} from '../../../../src/kubelet/node/resources.ts';
import {desiredStatus, type NodeStatus, untakenStatus} from '../../../../src/kubelet/node/status.ts';
import type {Lease, Node} from '../../../../src/lib/kubernetes.ts';

const gi = 1024 ** 3;
const mi = 1024 ** 2;
const facts: HostFacts = {
  cpus: 4,
  memoryBytes: 8 * gi,
  memoryAvailableBytes: 6 * gi,
  swapBytes: 0,
  hugePages: new Map([[2 * mi, 0]]),
  disk: {totalBytes: 100 * gi, freeBytes: 50 * gi, totalInodes: 1000, freeInodes: 900},
  pids: {max: 32768, used: 200},
  machineId: 'm',
  systemUuid: 'u',
  bootId: 'b',
  kernel: '6.1',
  osImage: 'Debian',
  architecture: 'amd64',
};
const {config} = loadKubeletConfig([], {nodeLabels: 'tier=edge'}, 'n1');

function seen(over: Partial<NodeSeen> = {}): NodeSeen {
  return {
    nowMs: 1_000_000,
    monotonicMs: 5_000,
    config,
    facts,
    addresses: [
      {type: 'InternalIP', address: '10.0.0.5'},
      {type: 'Hostname', address: 'n1'},
    ],
    runtime: {name: 'containerd', version: '1.6.20', handlers: []},
    images: [],
    volumesInUse: [],
    pressure: {memory: false, disk: false, pid: false},
    problems: [],
    node: undefined,
    reportedMs: 4_000,
    reportDelayMs: 0,
    fast: false,
    unschedulable: false,
    isLabelled: false,
    untaken: {status: {}},
    ...over,
  };
}

function nodeWith(status: NodeStatus, metadata: object = {}): Node {
  return {
    metadata: {
      name: 'n1',
      uid: 'uid-1',
      resourceVersion: '1',
      labels: {
        'beta.kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': 'n1',
        'kubernetes.io/os': 'linux',
      },
      annotations: {'volumes.kubernetes.io/controller-managed-attach-detach': 'true'},
      ...metadata,
    },
    status,
  };
}

const current = () => nodeWith(desiredStatus(seen()).status);
const bodies = (acts: readonly NodeAct[], type: NodeAct['type']) =>
  acts.flatMap((act) => (act.type === type && 'body' in act ? [act.body] : []));
const statusBody = (over: Partial<NodeSeen>) => bodies(decideNode(seen(over)).acts, 'patch-status')[0];

describe('decideNode', () => {
  it('creates the Node with its labels, taints and whole status', () => {
    const {acts} = decideNode(seen());
    expect(acts).toHaveLength(1);
    const [act] = acts;
    if (act?.type !== 'create') throw new Error('no create');
    expect(act.node.metadata.labels).toMatchObject({tier: 'edge', 'kubernetes.io/hostname': 'n1'});
    expect(act.node.status?.conditions?.map((c) => `${c.type}=${c.status}`)).toEqual([
      'MemoryPressure=False',
      'DiskPressure=False',
      'PIDPressure=False',
      'Ready=True',
    ]);
    expect(act.node.status?.nodeInfo?.kubeletVersion).toMatch(/^v1\.36\.\d+$/);
  });

  it('does nothing for a Node that says the truth, and looks again after 10 s', () => {
    expect(decideNode(seen({node: current()}))).toEqual({acts: [], againInMs: 10_000});
  });

  it('reports unchanged after the report frequency, with a fresh heartbeat', () => {
    const body = statusBody({node: current(), monotonicMs: 4_000 + 300_000, nowMs: 2_000_000});
    expect(body).toMatchObject({
      status: {conditions: [{}, {}, {}, {lastHeartbeatTime: '1970-01-01T00:33:20Z'}]},
    });
    expect(Object.keys((body as {status: object}).status)).toEqual([
      '$setElementOrder/conditions',
      'conditions',
    ]);
  });

  it('becomes NotReady with every reason, keeps others’ conditions before its own', () => {
    const node = current();
    node.status?.conditions?.unshift({type: 'NetworkUnavailable', status: 'False'});
    const {acts} = decideNode(seen({node, problems: ['a', 'b'], nowMs: 2_000_000}));
    expect(bodies(acts, 'patch-status')[0]).toMatchObject({
      status: {
        '$setElementOrder/conditions': [
          {type: 'NetworkUnavailable'},
          {type: 'MemoryPressure'},
          {type: 'DiskPressure'},
          {type: 'PIDPressure'},
          {type: 'Ready'},
        ],
        conditions: [
          {lastTransitionTime: '1970-01-01T00:16:40Z'},
          {},
          {},
          {
            type: 'Ready',
            status: 'False',
            reason: 'KubeletNotReady',
            message: '[a, b]',
            lastTransitionTime: '1970-01-01T00:33:20Z',
          },
        ],
      },
    });
    expect(acts.flatMap((act) => (act.type === 'event' ? [act.event.reason] : []))).toEqual(['NodeNotReady']);
  });

  it('preserves capacity that others patched in and makes it allocatable', () => {
    const node = current();
    node.status = {...node.status, capacity: {...node.status?.capacity, 'example.com/fake': '5'}};
    expect(statusBody({node})).toMatchObject({status: {allocatable: {'example.com/fake': '5'}}});
    expect(JSON.stringify(statusBody({node}))).not.toContain('null');
  });

  it('takes away the devices of a machine that was set up anew, until their plugins come', () => {
    const node = current();
    const had = {'example.com/gpu': '4', 'attachable-volumes-x': '9'};
    node.status = {...node.status, capacity: {...node.status?.capacity, ...had}};
    const nothing = {capacity: {}, allocatable: {}};
    const found = {capacity: {'example.com/gpu': 2}, allocatable: {'example.com/gpu': 1}};
    const told = (devices: object, reportedMs: number | undefined) =>
      statusBody({node, devices: {...nothing, ...devices}, reportedMs});
    expect(told({fresh: true}, undefined)).toMatchObject({
      status: {capacity: {'example.com/gpu': '0'}, allocatable: {'example.com/gpu': '0'}},
    });
    expect(told({fresh: true, ...found}, undefined)).toMatchObject({
      status: {capacity: {'example.com/gpu': '2'}, allocatable: {'example.com/gpu': '1'}},
    });
    for (const kept of [told({fresh: true}, 1), told({fresh: false}, undefined)])
      expect(kept).toMatchObject({
        status: {allocatable: {'example.com/gpu': '4', 'attachable-volumes-x': '9'}},
      });
  });

  it('removes huge page sizes and allocatable resources that are gone', () => {
    const node = current();
    node.status = {
      ...node.status,
      capacity: {...node.status?.capacity, 'hugepages-1Gi': '0'},
      allocatable: {...node.status?.allocatable, 'hugepages-1Gi': '0', 'example.com/gone': '1'},
    };
    expect(statusBody({node})).toMatchObject({
      status: {
        capacity: {'hugepages-1Gi': null},
        allocatable: {'hugepages-1Gi': null, 'example.com/gone': null},
      },
    });
  });

  it('replaces addresses as a whole', () => {
    const addresses = [{type: 'InternalIP', address: '10.0.0.6'}];
    expect(statusBody({node: current(), addresses})).toMatchObject({
      status: {addresses: [{type: 'InternalIP', address: '10.0.0.6'}, {$patch: 'replace'}]},
    });
  });

  it('keeps the features of a runtime that is away, and takes them from one that has none', () => {
    const runtime = {name: 'containerd', version: '2.1.0', handlers: [], supplementalGroupsPolicy: true};
    const node = nodeWith(desiredStatus(seen({runtime})).status);
    expect(decideNode(seen({node, runtime: undefined})).acts).toEqual([]);
    expect(statusBody({node})).toHaveProperty('status.features', null);
  });

  it('keeps what it cannot see at the moment', () => {
    const node = current();
    expect(
      decideNode(seen({node, addresses: undefined, runtime: undefined, images: undefined})).acts,
    ).toEqual([]);
  });

  it('puts default labels and the annotation right, and leaves others alone', () => {
    const node = nodeWith(current().status ?? {}, {
      labels: {mine: 'x', 'kubernetes.io/os': 'plan9'},
      annotations: {},
    });
    const [body] = bodies(decideNode(seen({node})).acts, 'patch-metadata');
    expect(body).toMatchObject({metadata: {labels: {'kubernetes.io/os': 'linux'}}});
    expect(JSON.stringify(body)).not.toContain('mine');
    expect(JSON.stringify(body)).not.toContain('tier');
  });

  it.each([
    ['given and wrong', {'topology.kubernetes.io/zone': 'b'}, {'topology.kubernetes.io/zone': 'a'}],
    ['given and missing', {}, {'topology.kubernetes.io/zone': 'a'}],
    [
      'given as empty',
      {'node.kubernetes.io/instance-type': 'big'},
      {'node.kubernetes.io/instance-type': null},
    ],
    ['not given', {'topology.kubernetes.io/region': 'r', constructor: 'x'}, undefined],
  ])('keeps well-known labels right: %s (updateDefaultLabels)', (_, over, labels) => {
    const existing = current();
    const given = {
      'topology.kubernetes.io/zone': 'a',
      'node.kubernetes.io/instance-type': '',
      mine: 'only at first',
    };
    const node = nodeWith(existing.status ?? {}, {
      labels: {...existing.metadata.labels, 'topology.kubernetes.io/zone': 'a', ...over},
    });
    if (labels !== undefined && Object.keys(over).length === 0)
      delete node.metadata.labels?.['topology.kubernetes.io/zone'];
    const [body] = bodies(
      decideNode(seen({node, config: {...config, nodeLabels: given}})).acts,
      'patch-metadata',
    );
    expect(body).toEqual(labels === undefined ? undefined : {metadata: {labels}});
  });

  it('leaves the labels that the configuration names to others once they were put right', () => {
    const existing = current();
    const node = nodeWith(existing.status ?? {}, {
      labels: {...existing.metadata.labels, 'topology.kubernetes.io/zone': 'b'},
    });
    const over = {node, config: {...config, nodeLabels: {'topology.kubernetes.io/zone': 'a'}}};
    expect(bodies(decideNode(seen(over)).acts, 'patch-metadata')).toHaveLength(1);
    expect(decideNode(seen({...over, isLabelled: true})).acts).toEqual([]);
  });

  it('says what the API server does not take once, and again with each regular report', () => {
    const node = current();
    const wanted = node.status ?? {};
    const {nodeInfo, declaredFeatures: _unknown, ...rest} = wanted;
    const answer = {...rest, ...(nodeInfo === undefined ? {} : {nodeInfo: {...nodeInfo, osImage: 'mine'}})};
    const untaken = {status: untakenStatus(answer, wanted)};
    expect(Object.keys(untaken.status)).toEqual(['nodeInfo', 'declaredFeatures']);
    const told = {node: nodeWith(answer), untaken};
    expect(statusBody({node: nodeWith(answer)})).toHaveProperty('status.declaredFeatures');
    expect(decideNode(seen(told)).acts).toEqual([]);
    expect(statusBody({...told, monotonicMs: 10_000_000})).toHaveProperty('status.declaredFeatures');
    const other = statusBody({...told, facts: {...facts, kernel: '6.2'}});
    expect(other).toHaveProperty('status.nodeInfo.kernelVersion', '6.2');
    expect(other).not.toHaveProperty('status.declaredFeatures');
  });

  it('asks for a label once that a webhook takes away', () => {
    const node = nodeWith(current().status ?? {}, {labels: {}});
    const [body] = decideNode(seen({node})).acts.flatMap((act) =>
      act.type === 'patch-metadata' ? [act.body] : [],
    );
    if (body === undefined) throw new Error('no patch');
    expect(isTaken(body, node.metadata)).toBe(false);
    expect(isTaken(body, current().metadata)).toBe(true);
    expect(decideNode(seen({node, untaken: {status: {}, metadata: body}})).acts).toEqual([]);
  });

  it('tells of a reboot once its boot id differs', () => {
    const node = current();
    const {acts} = decideNode(seen({node, facts: {...facts, bootId: 'b2'}}));
    expect(acts.flatMap((a) => (a.type === 'event' ? [a.event.reason] : []))).toEqual(['Rebooted']);
  });

  it.each([
    [false, true, ['NodeNotSchedulable']],
    [true, false, ['NodeSchedulable']],
    [true, true, []],
    [false, false, []],
  ])('tells when somebody cordons it or takes that back: %j → %j', (unschedulable, now, told) => {
    const node = {...current(), spec: {unschedulable: now}};
    const {acts} = decideNode(seen({node, unschedulable}));
    expect(acts.flatMap((a) => (a.type === 'event' ? [a.event.reason] : []))).toEqual(told);
  });

  it('registers nothing where registerNode is false', () => {
    expect(decideNode(seen({config: {...config, registerNode: false}})).acts).toEqual([]);
  });

  it('settles: applying the created status leaves nothing to do', () => {
    const {acts} = decideNode(seen());
    const [act] = acts;
    if (act?.type !== 'create') throw new Error('no create');
    expect(decideNode(seen({node: nodeWith(act.node.status ?? {})})).acts).toEqual([]);
  });
});

describe('declaredFeatures', () => {
  it('names what the API server may ask for, but not to one that is older than the field', () => {
    expect(declaredFeatures('v1.36.2')).toContain('InPlacePodLevelResourcesVerticalScaling');
    expect(declaredFeatures('v1.35.4')).toEqual([]);
  });
});

describe('images', () => {
  it('reports the biggest first, at most the configured number and five names each', () => {
    const image = (sizeBytes: number, names: number) => ({
      digests: Array.from({length: names}, (_, at) => `d${at}@sha256:x`),
      tags: ['t'],
      sizeBytes,
    });
    const {status} = desiredStatus(
      seen({config: {...config, nodeStatusMaxImages: 2}, images: [image(1, 1), image(3, 9), image(2, 1)]}),
    );
    expect(status.images?.map((i) => i.sizeBytes)).toEqual([3, 2]);
    expect(status.images?.[0]?.names).toHaveLength(5);
  });
});

describe('nodeResources', () => {
  const off = {'memory.available': '100%', 'nodefs.available': '0%'};

  it('subtracts reservations, eviction thresholds and huge pages', () => {
    const {capacity, allocatable} = nodeResources(
      {...facts, hugePages: new Map([[2 * mi, 512 * mi]])},
      {
        ...config,
        kubeReserved: {cpu: '100m', memory: '200Mi', 'ephemeral-storage': '1Gi'},
        systemReserved: {cpu: '0.4', memory: '100Mi'},
        evictionHard: {'memory.available': '100Mi', 'nodefs.available': '10%'},
        podsPerCore: 10,
      },
    );
    expect(capacity).toEqual({
      cpu: '4',
      memory: '8Gi',
      pods: '40',
      'ephemeral-storage': '100Gi',
      'hugepages-2Mi': '512Mi',
    });
    expect(allocatable).toEqual({
      cpu: '3500m',
      memory: `${8 * 1024 - 400 - 512}Mi`,
      pods: '40',
      'ephemeral-storage': String(100 * gi - gi - 10_737_418_400),
      'hugepages-2Mi': '512Mi',
    });
  });

  /** By meaning TestNodeAllocatableInputValidation (node_container_manager_linux_test.go). */
  it.each([
    ['less than there is', {kubeReserved: {cpu: '100m', memory: '100Mi'}, systemReserved: {cpu: '50m'}}, []],
    ['all of it', {kubeReserved: {cpu: '4', memory: '8Gi'}, evictionHard: {}}, []],
    [
      'all, and a threshold',
      {kubeReserved: {memory: '8Gi'}, evictionHard: {'memory.available': '5%'}},
      ['9019431328 of 8Gi memory'],
    ],
    ['a threshold that is turned off', {kubeReserved: {memory: '1Gi'}, evictionHard: off}, []],
    ['more processors', {kubeReserved: {cpu: '3'}, systemReserved: {cpu: '1500m'}}, ['4500m of 4 cpu']],
    [
      'more storage',
      {systemReserved: {'ephemeral-storage': '100Gi'}, evictionHard: {'nodefs.available': '1Gi'}},
      ['101Gi of 100Gi ephemeral-storage'],
    ],
    [
      'more storage where none is isolated',
      {systemReserved: {'ephemeral-storage': '101Gi'}, localStorageCapacityIsolation: false},
      [],
    ],
  ])('sees what more is set aside of than there is: %s', (_, over, excess) => {
    expect(excessReservations(facts, {...config, ...over})).toEqual(excess);
  });

  it('takes a part of the whole as Go does, to the byte', () => {
    const disk = {...facts.disk, totalBytes: 61_255_492 * 1024};
    const {allocatable} = nodeResources({...facts, disk}, config);
    expect(allocatable['ephemeral-storage']).toBe('56453061334');
  });

  it('keeps nothing for a threshold that is turned off (parseThresholdStatement)', () => {
    expect(nodeResources(facts, {...config, evictionHard: off}).allocatable).toMatchObject({
      memory: '8Gi',
      'ephemeral-storage': '100Gi',
    });
  });

  it('never goes below zero', () => {
    const {allocatable} = nodeResources(facts, {...config, kubeReserved: {cpu: '9', memory: '90Gi'}});
    expect(allocatable).toMatchObject({cpu: '0', memory: '0'});
  });
});

describe('chooseAddresses', () => {
  const net: AddressFacts = {
    local: [
      {device: 'eth0', address: '10.0.0.5', family: 4},
      {device: 'eth0', address: 'fd00::5', family: 6},
      {device: 'eth1', address: '192.168.1.5', family: 4},
    ],
    routes4: ['eth1'],
    routes6: ['eth0'],
    resolved: [],
  };
  const pick = (ips: string[], over: Partial<AddressFacts> = {}, name = 'n1') => {
    const chosen = chooseAddresses(name, ips, {...net, ...over});
    return 'problem' in chosen ? chosen.problem : chosen.addresses.map((a) => a.address);
  };
  it.each([
    ['--node-ip', pick(['10.0.0.5']), ['10.0.0.5', 'n1']],
    ['dual stack', pick(['10.0.0.5', 'fd00::5']), ['10.0.0.5', 'fd00::5', 'n1']],
    ['the default route', pick([]), ['192.168.1.5', 'n1']],
    ['IPv6 by ::', pick(['::']), ['fd00::5', 'n1']],
    ['the name resolved', pick([], {resolved: ['127.0.1.1', '10.0.0.5']}), ['10.0.0.5', 'n1']],
    ['a name that is an address', pick([], {}, '10.9.9.9'), ['10.9.9.9', '10.9.9.9']],
    ['no route', pick([], {routes4: [], routes6: []}), ['10.0.0.5', 'n1']],
  ])('by %s', (_, found, expected) => expect(found).toEqual(expected));

  it('refuses a foreign --node-ip', () =>
    expect(pick(['10.0.0.77'])).toContain('not an address of this machine'));
  it('says when there is none', () => expect(pick([], {local: []})).toContain('no address'));
});

describe('--cloud-provider=external', () => {
  const cloud = (nodeIp = '') => loadKubeletConfig([], {cloudProvider: 'external', nodeIp}, 'n1').config;
  const told = [{type: 'ExternalIP', address: '203.0.113.9'}];

  it('keeps what the cloud told, and until then tells no address that nobody gave', () => {
    expect(cloudAddresses(cloud(), told)).toEqual(told);
    expect(cloudAddresses(cloud('10.0.0.5'), told)).toEqual(told);
    expect(cloudAddresses(cloud(), [])).toEqual([{type: 'Hostname', address: 'n1'}]);
    expect(cloudAddresses(cloud('10.0.0.5'), [])).toBeUndefined();
    expect(cloudAddresses(config, told)).toBeUndefined();
  });

  it.each([
    ['10.0.0.5,fd00::5', '10.0.0.5,fd00::5'],
    ['0.0.0.0', undefined],
    ['', undefined],
  ])('registers tainted until the cloud knows the machine; --node-ip %s is told it', (nodeIp, annotation) => {
    const [act] = decideNode(seen({config: cloud(nodeIp)})).acts;
    const node = act?.type === 'create' ? act.node : undefined;
    expect(node?.spec?.taints).toEqual([
      {key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule'},
    ]);
    expect(node?.metadata.annotations?.['alpha.kubernetes.io/provided-node-ip']).toBe(annotation);
  });
});

describe('routes', () => {
  it('reads /proc/net/route: the default with the best metric first', () => {
    const table = [
      'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
      'wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0',
      'eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0',
      'eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0',
    ].join('\n');
    expect(parseRoutes4(table)).toEqual(['eth0', 'wlan0']);
  });

  it('reads /proc/net/ipv6_route and ignores the unreachable default on lo', () => {
    const zero = '0'.repeat(32);
    const table = [
      `${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0`,
      `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo`,
    ].join('\n');
    expect(parseRoutes6(table)).toEqual(['eth0']);
  });
});

describe('decideLease', () => {
  const node = current();
  it('creates it with the Node as its owner', () => {
    const act = decideLease({nowMs: 1, nodeName: 'n1', durationSeconds: 40, node, lease: undefined});
    expect(act).toMatchObject({
      type: 'create',
      lease: {
        metadata: {name: 'n1', namespace: 'kube-node-lease', ownerReferences: [{kind: 'Node', uid: 'uid-1'}]},
        spec: {holderIdentity: 'n1', leaseDurationSeconds: 40, renewTime: '1970-01-01T00:00:00.001000Z'},
      },
    });
  });

  it('keeps what is there and follows a new Node of the same name', () => {
    const lease: Lease = {
      metadata: {
        name: 'n1',
        namespace: 'kube-node-lease',
        uid: 'l',
        resourceVersion: '7',
        ownerReferences: [{apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'old'}],
      },
      spec: {holderIdentity: 'n1', leaseTransitions: 3},
    };
    expect(decideLease({nowMs: 1, nodeName: 'n1', durationSeconds: 40, node, lease})).toMatchObject({
      type: 'update',
      lease: {
        metadata: {resourceVersion: '7', ownerReferences: [{uid: 'uid-1'}]},
        spec: {leaseTransitions: 3},
      },
    });
  });
});
