import {describe, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import {forbiddenSysctl} from '../../../../src/kubelet/admission/sysctls.ts';
import {pod} from '../pod/fixtures.ts';

/** pkg/kubelet/sysctl, allowlist_test.go. */
describe('allowedUnsafeSysctls (TestNewAllowlist)', () => {
  const load = (patterns: readonly string[]) => {
    const text = JSON.stringify({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      allowedUnsafeSysctls: patterns,
    });
    return () => loadKubeletConfig([{path: '/config.yaml', text}], {}, 'node-1');
  };

  it.each([[['kernel.msg*', 'kernel.sem']], [['kernel/msg*', 'kernel/sem']], [['net.ipv4.conf.eth0/1.*']]])(
    'takes %j',
    (patterns) => expect(load(patterns)).not.toThrow(),
  );

  it.each([
    ' kernel.msg*',
    'kernel.msg* ',
    'net.-',
    'net.*.foo',
    'net.*/foo',
    'foo',
    'foo*',
    `net.${'a'.repeat(250)}`,
  ])('refuses "%s"', (pattern) => expect(load([pattern])).toThrow('allowedUnsafeSysctls'));
});

describe('a sysctl of a pod (TestAllowlist)', () => {
  const allowed = ['kernel.msg*', 'kernel.sem', 'net.b.*'];
  const judge = (name: string, host: object = {}) =>
    forbiddenSysctl(pod({...host, securityContext: {sysctls: [{name, value: name}]}}), allowed)?.reason;

  it.each([
    'kernel.shm_rmid_forced',
    'kernel/shm_rmid_forced',
    'net.ipv4.ip_local_port_range',
    'kernel.msgmax',
    'kernel.sem',
    'kernel/sem',
  ])('may be %s', (name) => expect(judge(name)).toBeUndefined());

  it.each([
    ['kernel.shm_rmid_forced', {hostIPC: true}],
    ['net.ipv4.ip_local_port_range', {hostNetwork: true}],
    ['foo', {}],
    ['net.a.b.c', {}],
    ['net.ipv4.ip_local_port_range.a.b.c', {}],
    ['kernel.msgmax', {hostIPC: true}],
    ['kernel.sem', {hostIPC: true}],
    ['net.b.c', {hostNetwork: true}],
  ])('may not be %s with %j', (name, host) => expect(judge(name, host)).toBe('SysctlForbidden'));

  it('need not be any', () => {
    expect(forbiddenSysctl(pod({securityContext: {sysctls: []}}), allowed)).toBeUndefined();
  });
});
