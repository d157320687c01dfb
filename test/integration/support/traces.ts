import {readdirSync, readFileSync, readlinkSync, statSync} from 'node:fs';
import {join} from 'node:path';
import type {Machine} from './machine.ts';

/** Everything of a machine that nodectl may leave behind, as sorted lines that can be compared. */
export type Traces = Readonly<
  Record<
    'processes' | 'mounts' | 'namespaces' | 'links' | 'rules' | 'cgroups' | 'sysctls' | 'files',
    readonly string[]
  >
>;

/** Files that every run of apt, dpkg or a shell touches and that belong to nobody's node. */
const noise = [
  /^\/var\/(cache|log)\/(apt|ldconfig|debconf)/,
  /^\/var\/log\/(dpkg|alternatives)\.log/,
  /^\/var\/lib\/(apt|dpkg)\//,
  /^\/etc\/ld\.so\.cache/,
  /^\/root\//,
];

export async function traces(machine: Machine): Promise<Traces> {
  const out = async (file: string, ...args: string[]) =>
    (await machine.run(file, args, {okCodes: [0, 1, 2, 127]})).stdout
      .split('\n')
      .filter((line) => line !== '')
      .sort();
  return {
    processes: await processes(machine),
    mounts: readFileSync(`/proc/${machine.pid}/mountinfo`, 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .sort(),
    namespaces: await out('sh', '-c', 'ls /run/netns /var/run/netns 2>/dev/null'),
    links: (await out('ip', '-o', 'link')).map((line) => line.split(': ')[1]?.split('@')[0] ?? ''),
    rules: [
      ...(await ruleset(machine)),
      ...(await out('iptables-save')).filter((line) => line.startsWith('-')),
    ],
    cgroups: cgroups(machine.path('/sys/fs/cgroup')).map((path) => path.slice(machine.path('').length)),
    sysctls: await out(
      'sh',
      '-c',
      'cd /proc/sys; for k in net/ipv4/ip_forward net/ipv6/conf/all/forwarding net/bridge/bridge-nf-call-iptables net/bridge/bridge-nf-call-ip6tables net/netfilter/nf_conntrack_max; do [ -e $k ] && echo $k=$(cat $k); done',
    ),
    files: changedFiles(machine.changes),
  };
}

async function processes(machine: Machine): Promise<string[]> {
  const namespace = readlinkSync(`/proc/${machine.pid}/ns/pid`);
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      if (readlinkSync(`/proc/${pid}/ns/pid`) === namespace)
        found.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim());
    } catch {
      // It ended while it was looked at.
    }
  // One that has ended, or is about to become another program, has no words for a moment.
  return found.filter((words) => words !== '').sort();
}

async function ruleset(machine: Machine): Promise<string[]> {
  const {stdout} = await machine
    .run('nft', ['-s', 'list', 'ruleset'], {okCodes: [0, 127]})
    .catch(() => ({stdout: ''}));
  return stdout.split('\n').filter((line) => line !== '');
}

/** cgroup directories, three levels deep: pods' parents are above that. */
function cgroups(root: string, depth = 4): string[] {
  if (depth === 0) return [];
  return readdirSync(root, {withFileTypes: true})
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [join(root, entry.name), ...cgroups(join(root, entry.name), depth - 1)])
    .sort();
}

/** Files of the overlay's upper directory with size and mode; directories count only when they are new. */
function changedFiles(root: string): string[] {
  return readdirSync(root, {recursive: true, withFileTypes: true})
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({path: path.slice(root.length), stat: statSync(path, {throwIfNoEntry: false})}))
    .filter(({path}) => !noise.some((pattern) => pattern.test(path)))
    .map(({path, stat}) => `${path} ${stat?.mode.toString(8) ?? 'link'} ${stat?.size ?? 0}`)
    .sort();
}
