import {describe, expect, it} from 'vitest';
import {conform} from '../../../../src/config/schema/conform.ts';
import {decodeProtobuf} from '../../../../src/sandbox/api/protobuf.ts';
import {duration} from '../../../../src/sandbox/resources/columns/age.ts';
import {podColumns} from '../../../../src/sandbox/resources/columns/pods.ts';

/** The bytes of a protobuf message: [number, text | number | bytes]. */
function message(...fields: [number, string | number | Buffer][]): Buffer {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'number') return [varint(number * 8), varint(value)];
      const bytes = Buffer.from(value);
      return [varint(number * 8 + 2), varint(bytes.length), bytes];
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    if (rest <= 0x7fn) return Buffer.from(bytes);
  }
}

const enveloped = (apiVersion: string, kind: string, raw: Buffer) =>
  Buffer.concat([Buffer.from('k8s\0'), message([1, message([1, apiVersion], [2, kind])], [2, raw])]);

describe('protobuf bodies', () => {
  it('become the JSON that Kubernetes would have written', () => {
    const metadata = message([1, 'd'], [2, ''], [8, Buffer.alloc(0)], [11, message([1, 'app'], [2, 'x'])]);
    const container = message([1, 'c'], [2, 'image'], [3, 'sleep'], [3, '9'], [16, 0]);
    const template = message([2, message([2, container], [11, 0])]);
    const spec = message([1, 0], [3, template], [5, 0]);
    expect(decodeProtobuf(enveloped('apps/v1', 'Deployment', message([1, metadata], [2, spec])))).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {name: 'd', labels: {app: 'x'}},
      // A pointer's zero is kept, a plain zero left out.
      spec: {
        replicas: 0,
        template: {spec: {containers: [{name: 'c', image: 'image', command: ['sleep', '9']}]}},
      },
    });
  });

  it('decode negative numbers, times, quantities and ports of either kind', () => {
    const port = (value: Buffer) => message([3, 80], [4, value]);
    const spec = message([1, port(message([1, 0], [2, 8080]))], [1, port(message([1, 1], [3, 'http']))]);
    expect(decodeProtobuf(enveloped('v1', 'Service', message([2, spec])))).toMatchObject({
      spec: {
        ports: [
          {port: 80, targetPort: 8080},
          {port: 80, targetPort: 'http'},
        ],
      },
    });
    const options = enveloped('v1', 'DeleteOptions', message([1, -1]));
    expect(decodeProtobuf(options)).toMatchObject({gracePeriodSeconds: -1});
  });

  it('are refused when cut off or foreign', () => {
    const whole = enveloped('v1', 'Pod', message([1, message([1, 'p'])]));
    expect(() => decodeProtobuf(whole.subarray(0, -1))).toThrow(expect.objectContaining({code: 400}));
    expect(() => decodeProtobuf(Buffer.from('{}'))).toThrow(expect.objectContaining({code: 400}));
  });
});

describe('conforming to a kind', () => {
  it('names unknown fields by their path and drops nulls', () => {
    const body = {spec: {containers: [{name: 'c', imagee: 'x', tty: null}], extra: 1}, x: 1};
    expect(conform('', 'Pod', body)).toEqual({
      object: {apiVersion: undefined, kind: undefined, spec: {containers: [{name: 'c'}]}},
      unknown: ['spec.containers[0].imagee', 'spec.extra', 'x'],
    });
  });

  it.each([
    ['a text for a number', {spec: {replicas: '2'}}],
    ['an object for a list', {spec: {template: {spec: {containers: {}}}}}],
    ['a number for a label', {metadata: {labels: {a: 1}}}],
    ['a fraction for an int', {spec: {replicas: 1.5}}],
    ['no time', {metadata: {creationTimestamp: 'yesterday'}}],
  ])('refuses %s', (_title, body) => {
    expect(() => conform('apps', 'Deployment', body)).toThrow(/^json: cannot unmarshal/);
  });
});

describe('what kubectl prints', () => {
  it.each([
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [125, '2m5s'],
    [3600, '60m'],
    [3 * 3600, '3h'],
    [3 * 3600 + 60, '3h1m'],
    [50 * 3600, '2d2h'],
    [20 * 86400, '20d'],
    [1000 * 86400, '2y270d'],
  ])('%d seconds as %s', (seconds, text) => {
    expect(duration(seconds * 1000)).toBe(text);
  });

  const cells = (spec: object, status: object, metadata: object = {}) => {
    const meta = {name: 'p', namespace: 'd', uid: 'u', resourceVersion: '1', ...metadata};
    const pod = {apiVersion: 'v1', kind: 'Pod', metadata: meta, spec, status};
    return podColumns.slice(1, 4).map((column) => column.cell(pod, Date.parse('2026-01-01T01:00:00Z')));
  };
  const one = {containers: [{name: 'c'}]};
  const running = {name: 'c', ready: true, restartCount: 0, state: {running: {}}};
  const exited = (exitCode: number, reason?: string) => ({
    name: 'c',
    restartCount: 0,
    state: {terminated: {exitCode, reason}},
  });

  it.each<[string, object, object, (string | number)[], object?]>([
    ['running', one, {phase: 'Running', containerStatuses: [running]}, ['1/1', 'Running', '0']],
    [
      'restarted',
      one,
      {
        phase: 'Running',
        containerStatuses: [
          {...running, restartCount: 3, lastState: {terminated: {finishedAt: '2026-01-01T00:55:00Z'}}},
        ],
      },
      ['1/1', 'Running', '3 (5m ago)'],
    ],
    [
      'crash looping',
      one,
      {
        phase: 'Running',
        containerStatuses: [{name: 'c', restartCount: 2, state: {waiting: {reason: 'CrashLoopBackOff'}}}],
      },
      ['0/1', 'CrashLoopBackOff', '2'],
    ],
    [
      'completed',
      one,
      {phase: 'Succeeded', containerStatuses: [exited(0, 'Completed')]},
      ['0/1', 'Completed', '0'],
    ],
    [
      'failed without a reason',
      one,
      {phase: 'Failed', containerStatuses: [exited(3)]},
      ['0/1', 'ExitCode:3', '0'],
    ],
    [
      'waiting for its init containers',
      {...one, initContainers: [{name: 'i'}, {name: 'j'}]},
      {
        phase: 'Pending',
        initContainerStatuses: [
          {...exited(0), name: 'i'},
          {name: 'j', state: {waiting: {}}},
        ],
      },
      ['0/1', 'Init:1/2', '0'],
    ],
    [
      'with a sidecar',
      {...one, initContainers: [{name: 'i', restartPolicy: 'Always'}]},
      {
        phase: 'Running',
        initContainerStatuses: [{...running, name: 'i', started: true}],
        containerStatuses: [running],
      },
      ['2/2', 'Running', '0'],
    ],
    [
      'being deleted',
      one,
      {phase: 'Running', containerStatuses: [running]},
      ['1/1', 'Terminating', '0'],
      {deletionTimestamp: '2026-01-01T00:00:00Z'},
    ],
  ])('a pod %s', (_title, spec, status, expected, metadata) => {
    expect(cells(spec, status, metadata)).toEqual(expected);
  });
});
