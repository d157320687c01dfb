import {describe, expect, it} from 'vitest';
import {formatMap, resourceField} from '../../../../src/kubelet/pod/config/environment/downward-api.ts';
import {
  buildEnvironment,
  type EnvironmentInput,
} from '../../../../src/kubelet/pod/config/environment/environment.ts';
import {expand} from '../../../../src/kubelet/pod/config/environment/expansion.ts';
import {podReferences} from '../../../../src/kubelet/pod/config/references.ts';
import type {Container, Pod} from '../../../../src/lib/kubernetes.ts';
import {rawBytes} from '../../../../src/lib/text/raw-text.ts';
import {configMap, container, pod, secret, service} from './pods.ts';

const facts = {
  podIps: ['10.1.0.5', 'fd00::5'],
  hostIps: ['192.168.0.2'],
  nodeAllocatable: {cpu: '1900m', memory: '3Gi', 'ephemeral-storage': '10Gi'},
};

function build(fields: Partial<Container>, more: Partial<EnvironmentInput> = {}, of: Pod = pod()) {
  const input = {services: [], configMaps: new Map(), secrets: new Map(), facts, ...more};
  const result = buildEnvironment({pod: of, container: container(fields), ...input});
  return result.ok
    ? Object.fromEntries(result.variables.map(({name, value}) => [name, value]))
    : result.message;
}

describe('before the Services have been read', () => {
  const of = (annotations: Record<string, string>): Pod => {
    const {metadata, ...rest} = pod();
    return {...rest, metadata: {...metadata, annotations}};
  };

  it('starts a static pod, which may be the API server itself', () => {
    const env = [{name: 'A', value: 'a'}];
    const file = of({'kubernetes.io/config.source': 'file'});
    expect(build({env}, {services: undefined}, file)).toEqual({A: 'a'});
  });

  it.each(['', 'api'])('lets others wait: source %j', (source) => {
    const other = source === '' ? pod() : of({'kubernetes.io/config.source': source});
    expect(build({}, {services: undefined}, other)).toMatch(/services have not yet been read/);
  });
});

describe('$(NAME) references', () => {
  const values = new Map([
    ['A', 'a'],
    ['B', '$(A)'],
    ['', 'empty'],
  ]);
  it.each([
    ['$(A)', 'a'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$a'],
    ['$(B)', '$(A)'],
    ['x$(MISSING)y', 'x$(MISSING)y'],
    ['$(A', '$(A'],
    ['$A $ $', '$A $ $'],
    ['$()', 'empty'],
    ['$$$$', '$$'],
    ['ü$(A)€', 'üa€'],
    ['$(A)$(A', 'a$(A'],
  ])('%s → %s', (text, expanded) => expect(expand(text, (name) => values.get(name))).toBe(expanded));
});

describe('an environment', () => {
  it('lets env override envFrom, in order, and expands what is known by then', () => {
    const from = new Map([['cm', configMap('cm', {A: 'map', B: 'map'})]]);
    const env = [
      {name: 'LATE', value: '$(AFTER)-$(P_B)'},
      {name: 'AFTER', value: 'x'},
      {name: 'P_A', value: 'own-$(LATE)'},
    ];
    const envFrom = [{prefix: 'P_', configMapRef: {name: 'cm'}}];
    expect(build({env, envFrom}, {configMaps: from})).toEqual({
      P_A: 'own-$(AFTER)-map',
      P_B: 'map',
      LATE: '$(AFTER)-map',
      AFTER: 'x',
    });
  });

  it('takes keys of Secrets and ConfigMaps, and leaves optional ones out', () => {
    const env = [
      {name: 'S', valueFrom: {secretKeyRef: {name: 's', key: 'k'}}},
      {name: 'C', valueFrom: {configMapKeyRef: {name: 'c', key: 'k'}}},
      {name: 'O', valueFrom: {configMapKeyRef: {name: 'c', key: 'none', optional: true}}},
      {name: 'P', valueFrom: {secretKeyRef: {name: 'none', key: 'k', optional: true}}},
    ];
    const secrets = new Map([['s', secret('s', {k: 'sü'})]]);
    expect(build({env}, {secrets, configMaps: new Map([['c', configMap('c', {k: 'v'})]])})).toEqual({
      S: 'sü',
      C: 'v',
    });
  });

  it('takes every key of an object for a name, whatever it begins with', () => {
    const data = {'1234': 'abc', '1z': 'abc', 'key.1': 'value', 'a-b': 'c'};
    const configMaps = new Map([['c', configMap('c', data)]]);
    expect(build({envFrom: [{configMapRef: {name: 'c'}}]}, {configMaps})).toEqual(data);
    const prefixed = build({envFrom: [{prefix: '1_', configMapRef: {name: 'c'}}]}, {configMaps});
    expect(Object.keys(prefixed)).toContain('1_key.1');
  });

  it('keeps the bytes of a Secret that are no text, also where another variable has them in it', () => {
    const key = Uint8Array.of(0x61, 0xff, 0xc3, 0x00, 0x28);
    const {data: _, ...empty} = secret('s', {});
    const binary = {...empty, data: {k: Buffer.from(key).toString('base64')}};
    const env = [
      {name: 'S', valueFrom: {secretKeyRef: {name: 's', key: 'k'}}},
      {name: 'T', value: '<$(S)>'},
    ];
    const built = build({env}, {secrets: new Map([['s', binary]])});
    const bytes = Object.values(built).map((value: string) => [...rawBytes(value)]);
    expect(bytes).toEqual([[...key], [0x3c, ...key, 0x3e]]);
  });

  it.each([
    [{valueFrom: {configMapKeyRef: {name: 'c', key: 'x'}}}, "couldn't find key x in ConfigMap shop/c"],
    [{valueFrom: {secretKeyRef: {name: 'none', key: 'x'}}}, 'secret "none" not found'],
    [
      {valueFrom: {configMapKeyRef: {name: 'c', key: 'toString'}}},
      "couldn't find key toString in ConfigMap shop/c",
    ],
    [{valueFrom: {fieldRef: {fieldPath: 'spec.nothing'}}}, 'unsupported fieldPath: spec.nothing'],
    [
      {valueFrom: {resourceFieldRef: {resource: 'limits.gpu'}}},
      'unsupported container resource : limits.gpu',
    ],
  ])('says what is missing: %j', (variable, message) =>
    expect(build({env: [{name: 'V', ...variable}]}, {configMaps: new Map([['c', configMap('c', {})]])})).toBe(
      message,
    ),
  );

  it('says that a whole object is missing, unless it is optional', () => {
    expect(build({envFrom: [{configMapRef: {name: 'none'}}]})).toBe('configmap "none" not found');
    expect(build({envFrom: [{secretRef: {name: 'none', optional: true}}]})).toEqual({});
  });

  it('tells a pod about itself', () => {
    const of = pod(
      {nodeName: 'n1', serviceAccountName: 'sa'},
      {labels: {app: 'web'}, annotations: {'a.b/c': 'line\n"two"'}},
    );
    const paths = [
      'metadata.name',
      'metadata.namespace',
      'metadata.uid',
      "metadata.labels['app']",
      "metadata.annotations['a.b/c']",
      "metadata.labels['none']",
      'spec.nodeName',
      'spec.serviceAccountName',
      'status.hostIP',
      'status.podIP',
      'status.podIPs',
    ];
    const env = paths.map((fieldPath, at) => ({name: `V${at}`, valueFrom: {fieldRef: {fieldPath}}}));
    expect(Object.values(build({env}, {}, of))).toEqual([
      'web',
      'shop',
      'u-1',
      'web',
      'line\n"two"',
      '',
      'n1',
      'sa',
      '192.168.0.2',
      '10.1.0.5',
      '10.1.0.5,fd00::5',
    ]);
  });

  it('finds Services by their variables', () => {
    const services = [
      service('kubernetes', 'default', {clusterIP: '10.96.0.1', ports: [{name: 'https', port: 443}]}),
      service('my-db', 'shop', {clusterIP: 'fd00::9', ports: [{port: 53, protocol: 'UDP'}]}),
      service('headless', 'shop', {clusterIP: 'None', ports: [{port: 1}]}),
      service('other', 'elsewhere', {clusterIP: '10.96.0.7', ports: [{port: 1}]}),
    ];
    const env = [{name: 'URL', value: 'udp://$(MY_DB_SERVICE_HOST)'}];
    expect(build({env}, {services})).toEqual({
      URL: 'udp://fd00::9',
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_PORT: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
      KUBERNETES_PORT_443_TCP_PORT: '443',
      KUBERNETES_PORT_443_TCP_ADDR: '10.96.0.1',
      MY_DB_SERVICE_HOST: 'fd00::9',
      MY_DB_SERVICE_PORT: '53',
      MY_DB_PORT: 'udp://[fd00::9]:53',
      MY_DB_PORT_53_UDP: 'udp://[fd00::9]:53',
      MY_DB_PORT_53_UDP_PROTO: 'udp',
      MY_DB_PORT_53_UDP_PORT: '53',
      MY_DB_PORT_53_UDP_ADDR: 'fd00::9',
    });
    const without = build({}, {services}, pod({enableServiceLinks: false}));
    expect(Object.keys(without)).not.toContain('MY_DB_SERVICE_HOST');
    expect(Object.keys(without)).toContain('KUBERNETES_SERVICE_HOST');
  });
});

describe('resource fields', () => {
  const own = container({
    resources: {limits: {memory: '64Mi', 'hugepages-2Mi': '4Mi'}, requests: {cpu: '250m'}},
  });
  const of = pod({containers: [own]});
  it.each([
    ['limits.memory', '0', '67108864'],
    ['limits.memory', '1Mi', '64'],
    ['requests.cpu', '', '1'],
    ['requests.cpu', '1m', '250'],
    ['limits.cpu', '1m', '1900'],
    ['limits.cpu', '1', '2'],
    ['requests.memory', '1', '0'],
    ['limits.ephemeral-storage', '1Gi', '10'],
    ['limits.hugepages-2Mi', '1Mi', '4'],
  ])('%s / %s', (resource, divisor, value) =>
    expect(resourceField(of, own, {resource, divisor}, facts.nodeAllocatable)).toBe(value),
  );
  it('finds other containers by name', () => {
    const selector = {resource: 'requests.cpu', divisor: '1m'};
    expect(resourceField(of, undefined, {...selector, containerName: 'app'}, {})).toBe('250');
    expect(() => resourceField(of, undefined, {...selector, containerName: 'none'}, {})).toThrow(
      'none not found',
    );
  });
});

it('quotes labels as Go does', () =>
  expect(formatMap({b: 'x"y\\\n\t\u0001\u200b', a: 'ü€😀'})).toBe(
    'a="ü€😀"\nb="x\\"y\\\\\\n\\t\\x01\\u200b"',
  ));

it('collects every Secret and ConfigMap of a pod', () => {
  const of = pod({
    containers: [container({envFrom: [{secretRef: {name: 'e'}}]})],
    initContainers: [container({env: [{name: 'V', valueFrom: {configMapKeyRef: {name: 'i', key: 'k'}}}]})],
    imagePullSecrets: [{name: 'pull'}, {}],
    volumes: [
      {name: 'a', secret: {secretName: 'vs'}},
      {name: 'b', configMap: {name: 'vc'}},
      {
        name: 'c',
        projected: {
          sources: [{secret: {name: 'ps'}}, {configMap: {name: 'pc'}}, {serviceAccountToken: {path: 't'}}],
        },
      },
    ],
  });
  expect(podReferences(of).map(({kind, name}) => `${kind}/${name}`)).toEqual([
    'Secret/e',
    'Secret/pull',
    'Secret/vs',
    'Secret/ps',
    'ConfigMap/i',
    'ConfigMap/vc',
    'ConfigMap/pc',
  ]);
});
