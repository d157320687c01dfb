import {describe, expect, it} from 'vitest';
import {valuesOf} from '../../../../src/edges/mounts/selinux.ts';
import {contextOption, mayHaveLabel, mountLabel} from '../../../../src/kubelet/volumes/access/selinux.ts';
import type {Container, CsiDriver, Pod} from '../../../../src/lib/kubernetes.ts';
import {container, pod} from '../pod-config/pods.ts';

const containerFile = 'system_u:object_r:container_file_t:s0';
const accessModes = ['ReadWriteOncePod'];
const supports = (seLinuxMount: boolean): CsiDriver => ({
  metadata: {name: 'd', uid: 'u', resourceVersion: '1'},
  spec: {seLinuxMount},
});
type Options = NonNullable<NonNullable<Container['securityContext']>['seLinuxOptions']>;
const mounting = (seLinuxOptions?: Options, name = 'v'): Container =>
  container({
    volumeMounts: [{name, mountPath: '/v'}],
    ...(seLinuxOptions === undefined ? {} : {securityContext: {seLinuxOptions}}),
  });
const labelOf = (of: Pod, more: object = {}) =>
  mountLabel({pod: of, volume: 'v', accessModes, driver: supports(true), ...more}, containerFile);

/** pkg/volume/util/selinux_test.go and the volume manager's tables, by meaning. */
describe('a volume is mounted with the label', () => {
  const level = 's0:c15,c25';
  const label = `system_u:object_r:container_file_t:${level}`;
  it.each([
    ['of the pod', pod({containers: [mounting()], securityContext: {seLinuxOptions: {level}}}), label],
    ['of its container', pod({containers: [mounting({level})]}), label],
    [
      'of its container, where the pod has another',
      pod({containers: [mounting({level})], securityContext: {seLinuxOptions: {level: 's0:c1,c2'}}}),
      label,
    ],
    ['that all its containers have', pod({containers: [mounting({level}), mounting({level})]}), label],
    ['of an init container', pod({containers: [container()], initContainers: [mounting({level})]}), label],
    [
      'of those who mount it',
      pod({containers: [mounting({level}), mounting({level: 's0:c1,c2'}, 'other')]}),
      label,
    ],
    [
      'with the user; a process has another role and type than files',
      pod({containers: [mounting({user: 'u_u', role: 'system_r', type: 'container_t', level})]}),
      `u_u:object_r:container_file_t:${level}`,
    ],
    ['of nobody, where none has one', pod({containers: [mounting()]}), undefined],
    ['of nobody, where the runtime draws one', pod({containers: [mounting({type: 'spc_t'})]}), undefined],
    [
      'of nobody, where the pod wants its files relabelled',
      pod({
        containers: [mounting({level})],
        securityContext: {seLinuxChangePolicy: 'Recursive'},
      }),
      undefined,
    ],
  ])('%s', (_, of, expected) => {
    expect(labelOf(of)).toBe(expected);
  });

  const one = pod({containers: [mounting({level})], securityContext: {seLinuxChangePolicy: 'MountOption'}});
  it.each([
    [{}, label],
    [{driver: supports(false)}, undefined],
    [{driver: undefined}, undefined],
    [{accessModes: ['ReadWriteOnce']}, undefined],
    [{accessModes: ['ReadWriteOncePod', 'ReadWriteMany']}, undefined],
    [{accessModes: undefined}, undefined],
  ])('where driver and access modes allow it: %o', (more, expected) => {
    expect(labelOf(one, more)).toBe(expected);
    expect(mayHaveLabel({pod: one, volume: 'v', accessModes, driver: supports(true), ...more})).toBe(
      expected !== undefined,
    );
  });

  it('only where all its containers want the same', () => {
    const two = pod({containers: [mounting({level}), mounting({level: 's0:c1,c2'})]});
    expect(() => labelOf(two)).toThrow('multiple SELinux labels found: ');
    expect(labelOf(two, {driver: supports(false)})).toBeUndefined();
  });

  it('in quotes among the options, as it has commas', () => {
    expect(contextOption(label)).toBe(`context="${label}"`);
  });
});

it('reads the policy’s files', () => {
  const text = `# contexts
process = "system_u:system_r:container_t:s0"
; another comment
file="system_u:object_r:container_file_t:s0"
SELINUXTYPE=targeted
empty = ""
`;
  expect(Object.fromEntries(valuesOf(text))).toEqual({
    process: 'system_u:system_r:container_t:s0',
    file: 'system_u:object_r:container_file_t:s0',
    SELINUXTYPE: 'targeted',
  });
  expect(valuesOf(undefined).size).toBe(0);
});
