import {release} from 'node:os';
import type {Family} from '../../lib/addresses.ts';
import {errno, readText} from '../files/files.ts';
import {run} from '../process/run.ts';
import {type Backend, openIptables, programName} from './iptables.ts';

/** One kind of iptables that is installed, and who seems to use it. */
export type IptablesSight = {
  readonly backend: Backend;
  /** `1.8.9` */
  readonly version: string;
  /** A kubelet or a service proxy keeps chains in its mangle table. */
  readonly hinted: boolean;
  /** How many rules of anybody it holds. */
  readonly rules: number;
};

const families: readonly Family[] = ['IPv4', 'IPv6'];
/** As kube-proxy's image finds out for which kernel interface the host's programs write their rules. */
const hints = /^:(?:KUBE-IPTABLES-HINT|KUBE-KUBELET-CANARY|KUBE-PROXY-CANARY) /m;

export function kernelRelease(): string {
  return release();
}

/** `1.0.6`; undefined without nft. */
export function nftVersion(): Promise<string | undefined> {
  return versionOf('nft');
}

type Installed = {readonly backend: Backend; readonly version: string};

/** Every kind that is installed, iptables-nft first; a plain `iptables` only counts where neither has a name. */
export async function installedIptables(signal?: AbortSignal): Promise<readonly Installed[]> {
  const find = async (backend: Backend): Promise<Installed[]> => {
    const version = await versionOf(programName('IPv4', backend), signal);
    return version === undefined ? [] : [{backend, version}];
  };
  const named = (await Promise.all((['nft', 'legacy'] as const).map(find))).flat();
  return named.length > 0 ? named : find('default');
}

/** Those kinds, and who seems to use them; touches none. */
export async function lookAtEveryIptables(): Promise<readonly IptablesSight[]> {
  return Promise.all((await installedIptables()).map(lookAtIptables));
}

async function lookAtIptables({backend, version}: Installed): Promise<IptablesSight> {
  const mangle = await Promise.all(families.map((family) => savedRules(family, backend, 'mangle')));
  const hinted = mangle.some((text) => hints.test(text));
  // Everybody's rules are only counted where no hint decides: with thousands of Services that takes seconds.
  const all = hinted ? [] : await Promise.all(families.map((family) => savedRules(family, backend)));
  return {backend, version, hinted, rules: all.join('\n').match(/^-A /gm)?.length ?? 0};
}

/** Empty where it cannot be read. A table of iptables-legacy is not asked for by name: that would make it. */
export async function savedRules(
  family: Family,
  backend: Backend,
  table?: string,
  signal?: AbortSignal,
): Promise<string> {
  const name = backend === 'nft' ? table : undefined;
  if (backend === 'legacy' && (await legacyTables(family)) === '') return '';
  return openIptables({family, backend, ...(signal && {signal})})
    .save(name)
    .catch(() => '');
}

async function legacyTables(family: Family): Promise<string> {
  const file = family === 'IPv4' ? 'ip_tables_names' : 'ip6_tables_names';
  return (await readText(`/proc/self/net/${file}`).catch(() => undefined)) ?? '';
}

/** What serves is chosen by this, until the next start: who does not answer on a busy machine is asked again. */
const mostAsked = 3;

async function versionOf(program: string, signal?: AbortSignal): Promise<string | undefined> {
  const options = {timeoutMs: 5_000, ...(signal && {signal})};
  for (let asked = 1; asked <= mostAsked && !signal?.aborted; asked++)
    try {
      const {stdout} = await run(program, ['--version'], options);
      return /v(\d+(?:\.\d+)+)/.exec(stdout)?.[1];
    } catch (error) {
      if (error instanceof Error && errno(error.cause) === 'ENOENT') return undefined;
    }
  return undefined;
}
