import {describe, expect, it} from 'vitest';
import type {Service} from '../../../../src/lib/kubernetes.ts';
import {
  certificateSigningRequests,
  configMaps,
  csiDrivers,
  deployments,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  resourceClaims,
  secrets,
  services,
} from '../../../../src/lib/resources.ts';
import {
  addressRange,
  addressText,
  familyOf,
  offsetIn,
} from '../../../../src/sandbox/admission/services/address-range.ts';
import {refusal, world} from './world.ts';

const service = (name: string, spec: object): object => ({
  metadata: {name},
  spec: {selector: {a: 'b'}, ports: [{port: 80}], ...spec},
});
const parsed = (value: unknown): Service => JSON.parse(JSON.stringify(value));

describe('a Service', () => {
  it('gets an address of its own, families and defaults', () => {
    const stored = world().write(services, service('s', {}));
    expect(stored).toMatchObject({
      spec: {
        clusterIP: expect.stringMatching(/^10\.96\.0\.\d+$/),
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        internalTrafficPolicy: 'Cluster',
        sessionAffinity: 'None',
        type: 'ClusterIP',
        ports: [{port: 80, protocol: 'TCP', targetPort: 80}],
      },
    });
    expect(parsed(stored).spec.clusterIPs).toEqual([parsed(stored).spec.clusterIP]);
  });

  it('takes every address of the range once, then says that it is full, and takes what was given back', () => {
    const w = world({serviceCidrs: ['10.96.0.0/28']});
    const ips = Array.from(
      {length: 14},
      (_, n) => parsed(w.write(services, service(`s${n}`, {}))).spec.clusterIP,
    );
    expect(new Set(ips).size).toBe(14);
    expect(refusal(() => w.write(services, service('more', {})))).toContain('range is full');
    w.remove(services, 's3');
    expect(parsed(w.write(services, service('more', {}))).spec.clusterIP).toBe(ips[3]);
  });

  it('keeps the address that it asks for, or is refused', () => {
    const w = world();
    expect(w.write(services, service('dns', {clusterIP: '10.96.0.10'}))).toMatchObject({
      spec: {clusterIPs: ['10.96.0.10']},
    });
    expect(refusal(() => w.write(services, service('two', {clusterIP: '10.96.0.10'})))).toBe(
      'Service "two" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
    );
    expect(refusal(() => w.write(services, service('out', {clusterIP: '10.97.0.10'})))).toContain(
      'the provided network does not match the current range',
    );
  });

  it('has node ports, one number for the protocols of one port, and none twice', () => {
    const w = world({nodePorts: {first: 30_000, last: 30_001}});
    const spec = {
      type: 'NodePort',
      ports: [
        {name: 'u', port: 53, protocol: 'UDP'},
        {name: 't', port: 53, protocol: 'TCP'},
      ],
    };
    const dns = parsed(w.write(services, service('dns', spec)));
    expect(dns.spec.ports?.[0]?.nodePort).toBe(dns.spec.ports?.[1]?.nodePort);
    expect(dns.spec.externalTrafficPolicy).toBe('Cluster');
    const taken = dns.spec.ports?.[0]?.nodePort ?? 0;
    expect(
      refusal(() =>
        w.write(services, service('two', {type: 'NodePort', ports: [{port: 1, nodePort: taken}]})),
      ),
    ).toBe(
      `Service "two" is invalid: spec.ports[0].nodePort: Invalid value: ${taken}: provided port is already allocated`,
    );
    expect(
      refusal(() => w.write(services, service('two', {type: 'NodePort', ports: [{port: 1, nodePort: 80}]}))),
    ).toContain('provided port is not in the valid range. The range of valid ports is 30000-30001');
    w.write(services, service('two', {type: 'NodePort'}));
    expect(refusal(() => w.write(services, service('three', {type: 'NodePort'})))).toContain(
      'failed to allocate a nodePort',
    );
  });

  it.each<[string, object, object, unknown]>([
    [
      'headless with a selector',
      {clusterIP: 'None'},
      {clusterIPs: ['None'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack'},
      undefined,
    ],
    [
      'headless without one',
      {clusterIP: 'None', selector: undefined},
      {ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack'},
      undefined,
    ],
    [
      'a name outside',
      {type: 'ExternalName', externalName: 'example.com', ports: undefined, selector: undefined},
      {type: 'ExternalName'},
      'clusterIP',
    ],
    [
      'affinity',
      {sessionAffinity: 'ClientIP'},
      {sessionAffinityConfig: {clientIP: {timeoutSeconds: 10_800}}},
      undefined,
    ],
    [
      'a load balancer',
      {type: 'LoadBalancer', externalTrafficPolicy: 'Local'},
      {allocateLoadBalancerNodePorts: true, healthCheckNodePort: expect.any(Number)},
      undefined,
    ],
  ])('is stored as %s should be', (_, spec, wanted, absent) => {
    const stored = world().write(services, service('s', spec));
    expect(stored).toMatchObject({spec: wanted});
    if (typeof absent === 'string') expect(stored).not.toHaveProperty(`spec.${absent}`);
  });

  it.each<[string, object, string]>([
    ['no ports', {ports: []}, 'spec.ports: Required value'],
    ['two ports without names', {ports: [{port: 1}, {port: 2}]}, 'spec.ports[0].name: Required value'],
    [
      'a node port on a ClusterIP',
      {ports: [{port: 1, nodePort: 30_000}]},
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ],
    ['an unknown type', {type: 'Magic'}, 'spec.type: Unsupported value: "Magic"'],
    [
      'two families of one',
      {ipFamilyPolicy: 'RequireDualStack'},
      'this cluster is not configured for dual-stack services',
    ],
    [
      'a headless node port',
      {type: 'NodePort', clusterIP: 'None'},
      "may not be set to 'None' for NodePort services",
    ],
    [
      'an address that is none',
      {clusterIP: 'x'},
      'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address',
    ],
    [
      'a policy without a way in',
      {externalTrafficPolicy: 'Local'},
      'may only be set for externally-accessible services',
    ],
  ])('is refused for %s', (_, spec, message) =>
    expect(refusal(() => world().write(services, service('s', spec)))).toContain(message),
  );

  it('keeps its address and ports over an update, and gives node ports back with its type', () => {
    const w = world();
    const before = parsed(w.write(services, service('s', {type: 'NodePort'})));
    const again = parsed(
      w.write(
        services,
        service('s', {
          type: 'NodePort',
          ports: [{port: 80}, {name: 'x', port: 81}].map((p) => ({name: 'h', ...p})),
        }),
        before,
      ),
    );
    expect(again.spec.clusterIP).toBe(before.spec.clusterIP);
    expect(again.spec.ports?.[0]?.nodePort).toBe(before.spec.ports?.[0]?.nodePort);
    const plain = parsed(w.write(services, {...before, spec: {...before.spec, type: 'ClusterIP'}}, before));
    expect(plain.spec.ports?.[0]).not.toHaveProperty('nodePort');
    expect(plain.spec).not.toHaveProperty('externalTrafficPolicy');
    expect(
      refusal(() =>
        w.write(
          services,
          {...before, spec: {...before.spec, clusterIP: '10.96.0.99', clusterIPs: ['10.96.0.99']}},
          before,
        ),
      ),
    ).toContain('may not change once set');
  });
});

describe('addresses', () => {
  it('count in both families', () => {
    const range = addressRange('fd00:1::/112');
    expect(addressText(range.base + 10n, range.family)).toBe('fd00:1::a');
    expect(offsetIn(range, 'fd00:1::ff')).toBe(255n);
    expect(offsetIn(addressRange('10.96.0.0/12'), '10.112.0.0')).toBeUndefined();
    expect(['10.0.0.1', '::1', '300.1.1.1', 'x'].map(familyOf)).toEqual([
      'IPv4',
      'IPv6',
      undefined,
      undefined,
    ]);
  });
});

describe('other kinds', () => {
  const template = {metadata: {labels: {a: 'b'}}, spec: {containers: [{name: 'c', image: 'x'}]}};
  const deployment = (spec: object) => ({
    metadata: {name: 'd'},
    spec: {selector: {matchLabels: {a: 'b'}}, template, ...spec},
  });

  it('a Deployment gets its defaults', () =>
    expect(world().write(deployments, deployment({}))).toMatchObject({
      spec: {
        replicas: 1,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        strategy: {type: 'RollingUpdate', rollingUpdate: {maxSurge: '25%', maxUnavailable: '25%'}},
        template: {spec: {restartPolicy: 'Always', containers: [{imagePullPolicy: 'Always'}]}},
      },
    }));

  it('drivers, volumes and claims get the defaults that a real API server gives them', () => {
    const metadata = {name: 'a', namespace: 'default'};
    expect(world().write(csiDrivers, {metadata, spec: {}})).toMatchObject({
      spec: {
        attachRequired: true,
        podInfoOnMount: false,
        volumeLifecycleModes: ['Persistent'],
        fsGroupPolicy: 'ReadWriteOnceWithFSType',
      },
    });
    expect(world().write(persistentVolumes, {metadata, spec: {hostPath: {path: '/x'}}})).toMatchObject({
      spec: {persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem', hostPath: {type: ''}},
      status: {phase: 'Pending'},
    });
    expect(world().write(persistentVolumeClaims, {metadata, spec: {}})).toMatchObject({
      spec: {volumeMode: 'Filesystem'},
      status: {phase: 'Pending'},
    });
    const requests = [
      {name: 'r', exactly: {deviceClassName: 'c'}},
      {name: 's', firstAvailable: [{name: 't'}]},
    ];
    const counted = {allocationMode: 'ExactCount', count: 1};
    expect(world().write(resourceClaims, {metadata, spec: {devices: {requests}}})).toMatchObject({
      spec: {devices: {requests: [{exactly: counted}, {firstAvailable: [counted]}]}},
    });
  });

  it.each<[string, object, string]>([
    [
      'labels that it does not select',
      {selector: {matchLabels: {a: 'c'}}},
      '`selector` does not match template `labels`',
    ],
    ['no selector', {selector: undefined}, 'spec.selector: Required value'],
    [
      'a pod that ends',
      {template: {...template, spec: {...template.spec, restartPolicy: 'Never'}}},
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
    [
      'no image',
      {template: {...template, spec: {containers: [{name: 'c'}]}}},
      'Deployment.apps "d" is invalid: spec.template.spec.containers[0].image: Required value',
    ],
    [
      'no room',
      {strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}},
      'may not be 0 when `maxSurge` is 0',
    ],
  ])('a Deployment is refused for %s', (_, spec, message) =>
    expect(refusal(() => world().write(deployments, deployment(spec)))).toContain(message),
  );

  it('secrets take plain text and keep their type', () => {
    const w = world();
    const made = w.write(secrets, {metadata: {name: 's'}, stringData: {k: 'v'}});
    expect(made).toMatchObject({type: 'Opaque', data: {k: 'dg=='}});
    expect(made).not.toHaveProperty('stringData');
    expect(
      refusal(() => w.write(secrets, {metadata: {name: 't'}, type: 'kubernetes.io/tls', data: {}})),
    ).toContain('data[tls.crt]: Required value');
  });

  it('immutable maps stay as they are', () => {
    const before = {
      metadata: {name: 'm', namespace: 'default', uid: 'u', resourceVersion: '1'},
      immutable: true,
      data: {a: '1'},
    };
    expect(refusal(() => world().write(configMaps, {...before, data: {a: '2'}}, before))).toContain(
      'data: Forbidden: field is immutable when `immutable` is set',
    );
    expect(refusal(() => world().write(configMaps, {metadata: {name: 'Bad_Name'}}))).toContain(
      'a lowercase RFC 1123 subdomain must consist of',
    );
  });

  it('a request for a certificate is by who the server saw', () =>
    expect(
      world().write(certificateSigningRequests, {
        metadata: {name: 'r'},
        spec: {username: 'root', groups: ['system:masters'], request: 'eA==', signerName: 'a/b'},
      }),
    ).toMatchObject({spec: {username: 'someone', groups: ['system:authenticated']}}));

  it('a new node takes no pods yet, a namespace knows its name', () => {
    expect(world().write(nodes, {metadata: {name: 'n'}})).toMatchObject({
      spec: {taints: [{key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule'}]},
    });
    expect(world().write(namespaces, {metadata: {name: 'ns'}})).toMatchObject({
      metadata: {labels: {'kubernetes.io/metadata.name': 'ns'}},
      spec: {finalizers: ['kubernetes']},
      status: {phase: 'Active'},
    });
  });
});
