/** Sysctls of which each pod can have its own (component-helpers/node/util/sysctl). */
export type SysctlNamespace = 'IPC' | 'Net';

const ipc =
  /^(kernel\.(sem|shm|shmall|shmmax|shmmni|shm_rmid_forced|msg|msgmax|msgmnb|msgmni)$|fs\.mqueue\.)/;

/**
 * The API takes slashes too; the kernel's own tools want dots. `net/ipv4/conf/eth0.1/x` is
 * `net.ipv4.conf.eth0/1.x`: whichever separator comes first tells the form.
 */
export function dottedSysctl(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  return first === '/' ? name.replace(/[./]/g, (separator) => (separator === '/' ? '.' : '/')) : name;
}

const segment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const patternForm = new RegExp(`^(${segment}[./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]$`);
const longest = 253;

/** A name, or one that ends with a `*` (apis/policy/validation, IsValidSysctlPattern). */
export function isSysctlPattern(text: string): boolean {
  return text.length <= longest && patternForm.test(text);
}

/** The namespace of a sysctl, or of a pattern's part before its `*`; undefined for what the whole machine shares. */
export function sysctlNamespace(pattern: string): SysctlNamespace | undefined {
  const name = dottedSysctl(pattern).replace(/\*.*/, '');
  if (ipc.test(name)) return 'IPC';
  return name.startsWith('net.') ? 'Net' : undefined;
}
