import {statfs} from 'node:fs/promises';
import {readText} from '../files/files.ts';

/** linux/magic.h: SELINUX_MAGIC. */
const selinuxMagic = 0xf97cff8c;

/**
 * The label that the machine's policy has for files of containers (container-selinux: `file` of lxc_contexts), without
 * any pod's categories. Undefined where SELinux is off or no policy for containers is there.
 */
export async function containerFileLabel(): Promise<string | undefined> {
  if (!(await isEnabled())) return undefined;
  const config = valuesOf(await readText('/etc/selinux/config'));
  const contexts =
    (await readText('/usr/share/containers/selinux/contexts')) ??
    (await readText(`/etc/selinux/${config.get('SELINUXTYPE') ?? ''}/contexts/lxc_contexts`));
  const labels = valuesOf(contexts);
  return labels.has('process') ? labels.get('file') : undefined;
}

/** Before a policy is loaded everything has the label `kernel`. */
async function isEnabled(): Promise<boolean> {
  try {
    const {type} = await statfs('/sys/fs/selinux');
    return type === selinuxMagic && !/^kernel\0?$/.test((await readText('/proc/self/attr/current')) ?? '');
  } catch {
    return false;
  }
}

/** `key = "value"` by lines; comments begin with `#` or `;`. */
export function valuesOf(text = ''): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\s*([^#;=\s][^=]*?)\s*=\s*"?(.*?)"?\s*$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined && match[2] !== '') values.set(match[1], match[2]);
  }
  return values;
}
