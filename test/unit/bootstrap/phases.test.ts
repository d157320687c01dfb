import {describe, expect, it} from 'vitest';
import {gentler} from '../../../src/bootstrap/join.ts';
import {changeSetting} from '../../../src/bootstrap/phases/host.ts';
import {decideIdentity, type SeenIdentity} from '../../../src/bootstrap/phases/identity.ts';
import {decideReady, lateCode, lateNext, type SeenNode} from '../../../src/bootstrap/phases/ready.ts';
import {decideRuntime, type SeenRuntime} from '../../../src/bootstrap/phases/runtime.ts';
import {decideServices, type SeenService} from '../../../src/bootstrap/phases/services.ts';
import {hostLayout} from '../../../src/config/layout.ts';
import type {ServiceStatus, ServiceUnit} from '../../../src/edges/systemd/services.ts';
import type {Node} from '../../../src/lib/kubernetes.ts';

const unit: ServiceUnit = {
  name: 'nodectl-kubelet',
  description: '',
  argv: ['/x'],
  env: {NODECTL_REVISION: 'r1'},
  restart: 'always',
  notify: true,
  killMode: 'process',
  stopTimeoutMs: 1000,
  template: 't',
};
const up: ServiceStatus = {
  installed: true,
  enabled: true,
  running: true,
  restarting: false,
  revision: 'r1',
  restarts: 0,
};
const file = {path: '/etc/x', content: 'x', mode: 0o600};
const kinds = (decision: {acts: readonly {kind: string}[]}) => decision.acts.map(({kind}) => kind);

describe('host', () => {
  const setting = {key: 'net.ipv4.ip_forward', value: 1, current: '0', writable: true};
  it.each([
    ['a wrong value is changed', setting, ['sysctl']],
    ['the right one is left', {...setting, current: '1'}, []],
    ['a key that does not exist is left', {...setting, current: undefined}, []],
    ['a larger limit is left', {...setting, value: 8, current: '9', atLeast: true}, []],
    ['a smaller limit is raised', {...setting, value: 8, current: '7', atLeast: true}, ['sysctl']],
    ['an optional key that cannot be written is left', {...setting, writable: false, optional: true}, []],
  ])('%s', (_, seen, expected) => {
    expect(kinds({acts: changeSetting(seen)})).toEqual(expected);
  });
  it('names a needed key that cannot be written', () => {
    expect(() => changeSetting({...setting, writable: false})).toThrow(
      'net.ipv4.ip_forward is 0 and must be 1',
    );
  });
});

describe('runtime', () => {
  const proof = {kind: 'prove', driver: 'systemd', record: '/r', revision: 'r1'} as const;
  const seen: SeenRuntime = {
    foreign: false,
    plugins: [],
    files: [],
    unit: {...unit, name: 'containerd'},
    status: up,
    answer: {version: '1.7', ready: true, reason: ''},
    images: [],
    proof: undefined,
    log: [],
  };
  it.each<[string, Partial<SeenRuntime>, string[]]>([
    ['is settled', {}, []],
    ['starts what does not run', {status: {...up, running: false}}, ['start']],
    ['enables what runs', {status: {...up, enabled: false}}, ['start']],
    [
      'leaves a restart to the manager',
      {status: {...up, running: false, restarting: true}, answer: undefined},
      [],
    ],
    [
      'writes, reloads and restarts',
      {files: [file], status: {...up, revision: 'r0'}},
      ['file', 'reload', 'restart'],
    ],
    [
      'brings plugins to where network add-ons look for them, without a restart',
      {plugins: [{kind: 'copy', from: '/usr/lib/cni/loopback', path: '/opt/cni/bin/loopback'}]},
      ['copy'],
    ],
    ['restarts after a crash between write and restart', {status: {...up, revision: undefined}}, ['restart']],
    ['leaves a foreign runtime alone', {foreign: true, files: [file], status: {...up, running: false}}, []],
    ['imports images', {images: [{kind: 'import', asset: 'a', image: 'b'}], proof}, ['import']],
    ['proves its cgroups last', {proof}, ['prove']],
  ])('%s', (_, change, expected) => {
    expect(kinds(decideRuntime({...seen, ...change}))).toEqual(expected);
  });
  it('waits for an answer, and gives up on a runtime that keeps ending', () => {
    expect(decideRuntime({...seen, answer: undefined}).againInMs).toBeGreaterThan(0);
    const failing = {...seen, answer: undefined, status: {...up, restarts: 3}, log: ['bad config']};
    expect(() => decideRuntime(failing)).toThrow('bad config');
  });
});

describe('identity', () => {
  const options: Parameters<typeof decideIdentity>[1] = {
    nodeName: 'n1',
    layout: hostLayout,
    bootstrap: {kind: 'token', token: 'abcdef.0123456789abcdef'},
  };
  const cluster = {server: 'https://a:6443', ca: 'CA'};
  const good = {nodeName: 'n1', notAfterMs: 2000, byCluster: true};
  const request = {
    metadata: {name: 'csr', uid: 'u', resourceVersion: '7'},
    spec: {request: '', signerName: ''},
  };
  const none: SeenIdentity = {
    nowMs: 1000,
    trees: [],
    directories: [],
    files: [],
    certificate: undefined,
    requestName: undefined,
    request: undefined,
    bootstrapFile: false,
    spentKey: false,
  };
  const decide = (change: Partial<SeenIdentity>) => decideIdentity({...none, ...change}, options, cluster);

  it.each<[string, Partial<SeenIdentity>, string[]]>([
    ['makes a key first', {}, ['new-key']],
    ['requests with the cached key', {requestName: 'csr'}, ['file', 'request']],
    ['writes the bootstrap file once', {requestName: 'csr', bootstrapFile: true}, ['request']],
    ['makes no second request', {requestName: 'csr', request}, []],
    [
      'stores what was issued',
      {requestName: 'csr', request: {...request, status: {certificate: 'Q0VSVA=='}}},
      ['certificate'],
    ],
    ['writes the files when it has a certificate', {certificate: good, files: [file]}, ['file']],
    ['takes the token away at the end', {certificate: good, bootstrapFile: true}, ['remove']],
    ['takes a spent key away', {certificate: good, spentKey: true}, ['remove']],
    ['is settled', {certificate: good}, []],
    ['starts again with an expired certificate', {certificate: {...good, notAfterMs: 999}}, ['new-key']],
    ['starts again with another cluster’s', {certificate: {...good, byCluster: false}}, ['new-key']],
    ['starts again with another node’s', {certificate: {...good, nodeName: 'n2'}}, ['new-key']],
  ])('%s', (_, change, expected) => {
    expect(kinds(decide(change))).toEqual(expected);
  });

  it('watches a pending request from what it saw', () => {
    expect(decide({requestName: 'csr', request})).toMatchObject({
      awaited: {resource: 'certificatesigningrequests', name: 'csr', resourceVersion: '7'},
      waiting: expect.stringContaining('pending since'),
    });
  });
  it('says who refused', () => {
    const status = {conditions: [{type: 'Denied', status: 'True', message: 'not you'}]};
    expect(() => decide({requestName: 'csr', request: {...request, status}})).toThrow('not you');
  });
});

describe('services', () => {
  const service: SeenService = {unit, status: up, healthy: true, log: []};
  it.each<[string, Partial<SeenService>, string[]]>([
    ['is settled', {}, []],
    ['starts', {status: {...up, running: false}, healthy: false}, ['start']],
    ['restarts what runs with older files', {status: {...up, revision: 'r0'}}, ['restart']],
    ['lets the manager restart', {status: {...up, running: false, restarting: true}, healthy: false}, []],
  ])('%s', (_, change, expected) => {
    expect(kinds(decideServices({files: [], services: [{...service, ...change}]}))).toEqual(expected);
  });
  it('waits for health', () => {
    const decision = decideServices({files: [], services: [{...service, healthy: false}]});
    expect(decision).toMatchObject({acts: [], waiting: expect.stringContaining('nodectl-kubelet')});
  });
  it('gives the last words of one that does not stay up', () => {
    const status = {...up, running: false, restarts: 3, lastExit: 'exit 1'};
    const failing = {...service, healthy: false, status, log: ['no such file']};
    expect(() => decideServices({files: [], services: [failing]})).toThrow(/exit 1\nno such file/);
  });
});

describe('ready', () => {
  const node = (change: Partial<Node>): Node => ({
    metadata: {name: 'n1', uid: 'u', resourceVersion: '3'},
    ...change,
  });
  const seen: SeenNode = {node: node({}), files: [], kubelet: up, log: [], unserved: false};
  const isReady = {status: {conditions: [{type: 'Ready', status: 'True'}]}};
  const options = {nodeName: 'n1', wait: 'ready', cni: 'none', taints: []} as const;

  it.each([
    ['is settled when Ready', {...seen, node: node(isReady)}, options, undefined],
    ['waits for registration', {...seen, node: undefined}, options, /has not registered/],
    ['waits for Ready', seen, options, /no Ready condition/],
    [
      'waits for a pod range',
      {...seen, node: node(isReady)},
      {...options, cni: 'bridge'} as const,
      /no podCIDR/,
    ],
    ['is content with registration', seen, {...options, wait: 'registered'} as const, undefined],
    [
      'is content with a node for pods',
      {...seen, node: node(isReady)},
      {...options, wait: 'schedulable'} as const,
      undefined,
    ],
    [
      'names the cordon',
      {...seen, node: node({...isReady, spec: {unschedulable: true}})},
      {...options, wait: 'schedulable'} as const,
      /Ready, but cordoned: kubectl uncordon n1/,
    ],
    [
      'names a taint that it did not ask for',
      {...seen, node: node({...isReady, spec: {taints: [{key: 'uninitialized', effect: 'NoSchedule'}]}})},
      {...options, wait: 'schedulable'} as const,
      /Ready, but tainted uninitialized:NoSchedule/,
    ],
    [
      'is content with its own taint',
      {
        ...seen,
        node: node({...isReady, spec: {taints: [{key: 'tier', value: 'edge', effect: 'NoSchedule'}]}}),
      },
      {...options, wait: 'schedulable', taints: ['tier=edge:NoSchedule']} as const,
      undefined,
    ],
    ['does not wait at all', {...seen, node: undefined}, {...options, wait: 'none'} as const, undefined],
  ] as const)('%s', (_, given, how, waiting) => {
    const decision = decideReady(given, how);
    if (waiting === undefined) expect(decision).toMatchObject({acts: []});
    if (waiting === undefined) expect(decision.waiting).toBeUndefined();
    else expect(decision.waiting).toMatch(waiting);
  });
  it.each([
    ['node n1 is not Ready: container runtime network not ready: cni plugin not initialized', 'ND705'],
    ['node n1 is Ready, but cordoned', 'ND706'],
    ['the kubelet has not registered node n1 yet', 'ND704'],
  ])('late, %s, is %s', (waiting, code) => {
    expect(lateCode(waiting)).toBe(code);
  });
  it.each([
    ['node n1 is Ready, but cordoned: kubectl uncordon n1', ['kubectl uncordon n1']],
    ['node n1 is Ready, but tainted a.b/c:NoSchedule', ['kubectl taint node n1 a.b/c:NoSchedule-']],
    [
      'node n1 is Ready, but tainted node.cloudprovider.kubernetes.io/uninitialized:NoSchedule',
      [expect.stringContaining('cloud-controller-manager')],
    ],
    ['the kubelet has not registered node n1 yet', []],
  ])('late, %s, has the command for that', (waiting, next) => {
    expect(lateNext(waiting)).toEqual(next);
  });
  it('says when it is done that nobody serves Services, and not while that may still come', () => {
    const unserved = {...seen, node: node(isReady), unserved: true};
    expect(decideReady(unserved, options).findings).toMatchObject([
      {code: 'ND749', severity: 'warning', message: expect.stringContaining('node n1')},
    ]);
    expect(decideReady(unserved, {...options, wait: 'registered'}).findings).toEqual([]);
  });
  it('says that a network add-on may wait for Services which nobody serves', () => {
    const conditions = [{type: 'Ready', status: 'False', message: 'cni plugin not initialized'}];
    const {waiting = ''} = decideReady(
      {...seen, node: node({status: {conditions}}), unserved: true},
      options,
    );
    expect(waiting).toContain('ND749');
    expect(lateCode(waiting)).toBe('ND705');
  });
  it('writes the network as soon as it can', () => {
    expect(kinds(decideReady({...seen, files: [file]}, options))).toEqual(['file']);
  });
});

describe('gentler', () => {
  it('asks ever less often, and leaves long waits as they are', () => {
    const waits = Array.from({length: 12}, (_, round) => Math.round(gentler(200, round)));
    expect(waits.slice(0, 4)).toEqual([200, 260, 338, 439]);
    expect(waits.at(-1)).toBe(2000);
    expect(gentler(5000, 3)).toBe(5000);
  });
});
