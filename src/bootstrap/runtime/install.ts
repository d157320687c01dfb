import type {Archive, RuntimeSource} from '../../config/runtime/runtime-source.ts';
import {readText} from '../../edges/files/files.ts';
import {findProgram} from '../../edges/install/packages.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Act} from '../apply/acts.ts';
import type {Facts} from '../phase.ts';
import {foundPlugins} from './cni-plugins.ts';
import {archivePlaces} from './parts.ts';

/** What must be installed before the runtime can be configured: packages, or archives. */
export async function missingParts(facts: Facts): Promise<Act[]> {
  const {runtime} = facts.options;
  const missing = await missingPrograms(facts);
  if (runtime.kind === 'present' && missing.length > 0)
    throw new NodectlError('ND524', `missing: ${missing.map(({program}) => program).join(', ')}`);
  const fromArchive = runtime.kind === 'archive' ? await archiveActs(facts, runtime) : [];
  const names = [...new Set(missing.map(({name}) => name))];
  return [...(names.length === 0 ? [] : [{kind: 'packages', names} as const]), ...fromArchive];
}

const packageNames = {
  apt: {nftables: 'nftables', conntrack: 'conntrack', ip: 'iproute2', iptables: 'iptables'},
  dnf: {nftables: 'nftables', conntrack: 'conntrack-tools', ip: 'iproute', iptables: 'iptables-nft'},
} as const;

type Needed = {readonly program: string; readonly name: string};

/** By what is there, not by what the package database says: a containerd in /usr/local is as good. */
async function missingPrograms(facts: Facts): Promise<Needed[]> {
  const {options, packages} = facts;
  const names = packageNames[packages?.kind ?? 'apt'];
  const own = options.runtime.kind === 'archive';
  const needed: readonly Needed[] = [
    ...(own ? [] : ['containerd', 'runc'].map((program) => ({program, name: program}))),
    {program: 'nft', name: names.nftables},
    {program: 'conntrack', name: names.conntrack},
    {program: 'ip', name: names.ip},
    // The bridge plugin masquerades, and portmap maps, through iptables.
    ...(options.cni === 'bridge' ? [{program: 'iptables', name: names.iptables}] : []),
  ];
  const found = await Promise.all(needed.map(({program}) => findProgram(program)));
  const missing = needed.filter((_, at) => found[at] === undefined);
  if (own || (await foundPlugins(facts)) !== undefined) return missing;
  return [...missing, {program: 'the CNI plugins', name: 'containernetworking-plugins'}];
}

/** An archive is here when its record has its digest: the record is written last. */
async function archiveActs(
  facts: Facts,
  {archives, place}: Extract<RuntimeSource, {kind: 'archive'}>,
): Promise<Act[]> {
  const acts: Act[] = [];
  for (const archive of archives) {
    const record = recordPath(facts, archive);
    if ((await readText(record))?.trim() === archive.sha256) continue;
    const path = `${facts.options.layout.stateDir}/runtime/${archive.part}.archive`;
    acts.push({kind: 'fetch', place, archive, path});
    acts.push({kind: 'unpack', archive, path, into: archivePlaces(facts)[archive.part]});
    acts.push({kind: 'file', path: record, content: `${archive.sha256}\n`, mode: 0o600});
  }
  return acts;
}

function recordPath({options}: Facts, {part}: Archive): string {
  return `${options.layout.stateDir}/runtime/${part}.sha256`;
}
