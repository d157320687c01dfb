/** What a path held before nodectl came. */
export type Before =
  | {readonly kind: 'absent'}
  | {
      readonly kind: 'file';
      /** Name of the copy beside the journal. */
      readonly saved: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {readonly kind: 'link'; readonly to: string};

/** One change of the machine and how it was before; `target` names the thing within its kind. */
export type Entry =
  | {
      readonly kind: 'file';
      readonly target: string;
      readonly before: Before;
      /** SHA-256 of every content that nodectl wrote there: anything else is somebody's edit, and stays. */
      readonly after: readonly string[];
    }
  /** A directory made for our files: taken away when it is empty. */
  | {readonly kind: 'directory'; readonly target: string}
  /** A directory of data: everything in it but `before` is ours. `existed` says whether it stays itself. */
  | {
      readonly kind: 'tree';
      readonly target: string;
      readonly existed: boolean;
      readonly before: readonly string[];
    }
  | {readonly kind: 'sysctl'; readonly target: string; readonly before: string}
  | {readonly kind: 'module'; readonly target: string}
  | {readonly kind: 'swap'; readonly target: string}
  | {readonly kind: 'packages'; readonly target: string; readonly names: readonly string[]}
  /** A unit that nodectl runs; `before` tells whether the distribution's own ran already. */
  | {
      readonly kind: 'service';
      readonly target: string;
      readonly before: {readonly enabled: boolean; readonly running: boolean} | undefined;
    }
  /** A port that was closed before. */
  | {readonly kind: 'firewall'; readonly target: string; readonly firewall: 'firewalld' | 'ufw'}
  /** Absent before; made by daemons: a cgroup, a link, an nftables table of iptables-nft. */
  | {readonly kind: 'cgroup' | 'interface' | 'table'; readonly target: string}
  /** The name under which the machine joined, and where. */
  | {readonly kind: 'node'; readonly target: string; readonly server: string};

const kinds: readonly Entry['kind'][] = [
  'file',
  'directory',
  'tree',
  'sysctl',
  'module',
  'swap',
  'packages',
  'firewall',
  'service',
  'cgroup',
  'interface',
  'table',
  'node',
];

/** Entries are written whole by us, so only kind and target are looked at. */
export function parseEntry(text: string): Entry | undefined {
  try {
    const entry: Entry = JSON.parse(text);
    return kinds.includes(entry.kind) && typeof entry.target === 'string' ? entry : undefined;
  } catch {
    return undefined;
  }
}
