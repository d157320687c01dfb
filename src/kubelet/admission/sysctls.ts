import type {Pod} from '../../lib/kubernetes.ts';
import {dottedSysctl, sysctlNamespace} from '../../lib/sysctls.ts';
import type {Rejection} from './types.ts';

/** Isolated between pods on every kernel since 4.15 (pkg/kubelet/sysctl/safe_sysctls.go). */
const safe = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
];

/** A sysctl is allowed when it is safe or the administrator says so, and not one that the pod shares with the host. */
export function forbiddenSysctl({spec}: Pod, allowedUnsafe: readonly string[]): Rejection | undefined {
  const patterns = [...safe, ...allowedUnsafe.map(dottedSysctl)];
  for (const {name} of spec.securityContext?.sysctls ?? []) {
    const problem = problemOf(dottedSysctl(name), patterns, spec);
    if (problem !== undefined) return {reason: 'SysctlForbidden', message: `forbidden sysctl: ${problem}`};
  }
  return undefined;
}

function problemOf(name: string, patterns: readonly string[], spec: Pod['spec']): string | undefined {
  const pattern = patterns.find((p) => matches(name, p));
  const namespace = pattern === undefined ? undefined : sysctlNamespace(pattern);
  // A pattern that no namespace is known for would reach the whole machine.
  if (namespace === undefined) return `"${name}" not allowlisted`;
  const shared = namespace === 'IPC' ? spec.hostIPC : spec.hostNetwork;
  return shared ? `"${name}" not allowed with host ${namespace} enabled` : undefined;
}

function matches(name: string, pattern: string): boolean {
  const star = pattern.indexOf('*');
  return star < 0 ? name === pattern : name.startsWith(pattern.slice(0, star));
}
