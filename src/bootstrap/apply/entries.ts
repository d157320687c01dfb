import * as z from 'zod/mini';

/** What a path held before nodectl came. */
export type Before =
  | {readonly kind: 'absent'}
  | {
      readonly kind: 'file';
      /** Name of the copy beside the journal. */
      readonly saved: string;
      /** Of the copy: one that a disk has spoilt must never take the place of the file. Absent in older journals. */
      readonly sha256?: string | undefined;
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
      /** Its own, where it was changed. */
      readonly mode?: number | undefined;
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
      readonly before?: {readonly enabled: boolean; readonly running: boolean} | undefined;
    }
  /** A port that was closed before. */
  | {readonly kind: 'firewall'; readonly target: string; readonly firewall: 'firewalld' | 'ufw'}
  /** Absent before; made by daemons: a cgroup, a link, an nftables table of iptables-nft. */
  | {readonly kind: 'cgroup' | 'interface' | 'table'; readonly target: string}
  /** Absent before from such a table of others: a chain of iptables itself, made with the first rule in it. */
  | {readonly kind: 'base-chain'; readonly target: string}
  /** In a table that others had made before: the chains of plugins and add-ons, of which it had none. */
  | {readonly kind: 'chains'; readonly target: string}
  /** The name under which the machine joined, and where. */
  | {readonly kind: 'node'; readonly target: string; readonly server: string};

const text = z.string();
const texts = z.readonly(z.array(z.string()));
const before = z.discriminatedUnion('kind', [
  z.object({kind: z.literal('absent')}),
  z.object({kind: z.literal('link'), to: text}),
  z.object({
    kind: z.literal('file'),
    saved: text,
    sha256: z.optional(text),
    mode: z.number(),
    uid: z.number(),
    gid: z.number(),
  }),
]);
const state = z.object({enabled: z.boolean(), running: z.boolean()});

/** What a newer nodectl may have added to an entry is not known here, and so not undone: such a kind is refused. */
const entry = z.discriminatedUnion('kind', [
  z.object({kind: z.literal('file'), target: text, before, after: texts}),
  z.object({
    kind: z.literal('tree'),
    target: text,
    existed: z.boolean(),
    mode: z.optional(z.number()),
    before: texts,
  }),
  z.object({kind: z.literal('sysctl'), target: text, before: text}),
  z.object({kind: z.literal('packages'), target: text, names: texts}),
  z.object({kind: z.literal('service'), target: text, before: z.optional(state)}),
  z.object({kind: z.literal('firewall'), target: text, firewall: z.enum(['firewalld', 'ufw'])}),
  z.object({kind: z.literal('node'), target: text, server: text}),
  z.object({
    kind: z.enum(['directory', 'module', 'swap', 'cgroup', 'interface', 'table', 'base-chain', 'chains']),
    target: text,
  }),
]);

/** Undefined for what is no entry, or not one that this nodectl knows. */
export function parseEntry(content: string): Entry | undefined {
  try {
    return entry.safeParse(JSON.parse(content)).data;
  } catch {
    return undefined;
  }
}
