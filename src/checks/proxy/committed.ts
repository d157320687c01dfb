import {hasKeys, listMap} from '../../edges/nftables/nft-sight.ts';
import {type ProxyCommit, readCommits} from '../../edges/nftables/proxy-commits.ts';
import {type Changer, watchChanges} from '../../edges/nftables/rule-changers.ts';
import {mapDigest} from '../../lib/text/map-digest.ts';
import {type Finding, failure, warning} from '../check.ts';
import {agoText} from '../node/ago.ts';
import {command, nodeCheck} from '../node/context.ts';
import {type Repair, repairsOf} from './repairs.ts';

/** Larger maps take longer to list than a whole status may: of them a sample is asked for. */
const wholeUpTo = 2000;

export type Compared = {
  readonly family: string;
  readonly commit: ProxyCommit;
  /** What the kernel holds; undefined when only a sample was looked at. */
  readonly kernel: {readonly count: number; readonly digest: string} | undefined;
  readonly sampleThere: boolean;
};

/** The map that every Service passes through, in the kernel and as the proxy committed it. */
export const committedRules = nodeCheck({
  name: 'CommittedRules',
  category: 'proxy',
  codes: ['ND740', 'ND748'],
  looks:
    'compares the kernel’s map of Services with the proxy’s last commit, by a digest or, beyond 2000, a sample, and reads how often the proxy had to repair it',
  after: ['ServiceRules'],
  blames: ['ProxyService', 'ProxyHealth', 'APIServer'],
  deadlineMs: 4500,
  async observe({sight, proxied, options, nowMs}, signal): Promise<Observed> {
    if (!proxied) return {seen: [], repairs: [], changers: []};
    const [commits, log] = await Promise.all([sight.commits(), sight.proxyLog()]);
    const repairs = repairsOf(log, nowMs);
    const seen = await compareAll(commits ?? {}, options.ports.proxyMetrics, signal);
    const still = isFought(repairs) || !seen.every(isSame);
    return {seen, repairs, changers: still ? await watchChanges(lookForMs, signal) : []};
  },
  judge: (observed, context) => judgeCommits(observed, command(context, 'restart proxy')),
});

type Observed = {
  readonly seen: readonly Compared[];
  readonly repairs: readonly Repair[];
  readonly changers: readonly Changer[];
};

/** Whoever is still at it changes the rules again in this time. */
const lookForMs = 1200;
/** The proxy looks every second while it has few Services: two repairs in this time are no accident. */
const atItMs = 30_000;

/** A commit between two looks is no change by somebody else: then they are made again. */
async function compareAll(
  first: Readonly<Record<string, ProxyCommit>>,
  port: number,
  signal: AbortSignal,
): Promise<readonly Compared[]> {
  let commits: Readonly<Record<string, ProxyCommit>> | undefined = first;
  for (let left = 3; ; left--) {
    const seen: readonly Compared[] = await Promise.all(
      Object.entries(commits ?? {}).map(([family, commit]) => compare(family, commit, signal)),
    );
    if (left === 0 || seen.every(isSame)) return seen;
    commits = await readCommits(port, signal);
  }
}

async function compare(family: string, commit: ProxyCommit, signal: AbortSignal): Promise<Compared> {
  const {table, known, services, sample} = commit;
  const same = {count: services, digest: commit.digest};
  if (table === undefined || !known) return {family, commit, kernel: same, sampleThere: true};
  if (services > wholeUpTo)
    return {
      family,
      commit,
      kernel: undefined,
      sampleThere: await hasKeys(table, 'services', sample, signal),
    };
  const elements = (await listMap(table, 'services', signal)) ?? [];
  return {
    family,
    commit,
    kernel: {count: elements.length, digest: mapDigest(elements)},
    sampleThere: true,
  };
}

function isSame({commit, kernel, sampleThere}: Compared): boolean {
  return sampleThere && (kernel === undefined || kernel.digest === commit.digest);
}

/** A commit takes milliseconds; the proxy tries a failed one again after a pause. */
const lateMs = 5000;

/** One finding for both families: whatever it is, it is the same. */
export function judgeCommits(observed: Observed, restart: string): readonly Finding[] {
  const {seen, repairs} = observed;
  const late = seen.filter(({commit}) => commit.pendingMs > lateMs);
  if (late.length > 0) {
    const seconds = Math.round(Math.max(...late.map(({commit}) => commit.pendingMs)) / 1000);
    const what = `a change of Services (${families(late)}) has waited ${seconds} s for the kernel`;
    return [failure('ND748', what, restart)];
  }
  const [changed] = seen.filter((one) => !isSame(one));
  if (changed !== undefined)
    return [fought(`(${changed.family}): ${difference(changed)}`, observed, restart)];
  const last = repairs.at(-1);
  if (last === undefined) return [];
  if (isFought(repairs)) return [fought(`(${last.family}): ${last.changed}`, observed, restart)];
  if (repairs.length < many) return [];
  return [
    warning(
      'ND740',
      `somebody changed the service rules ${repairs.length} times, ${agoText(last.ageMs)} ago for the last time`,
      'sudo nft monitor',
    ),
  ];
}

/** Fewer in ten minutes are a firewall that was loaded anew. */
const many = 5;

function isFought(repairs: readonly Repair[]): boolean {
  return repairs.filter(({ageMs}) => ageMs < atItMs).length > 1;
}

function fought(what: string, {repairs, changers}: Observed, restart: string): Finding {
  const who = changers.map(({name, pid}) => `${name} (process ${pid}) changes the packet filter meanwhile`);
  const [known] = changers;
  // Nobody is at it now: then it is enough to write the rules once.
  if (known === undefined && !isFought(repairs))
    return failure('ND740', `somebody changed the service rules ${what}`, restart, 'sudo nft monitor');
  return failure(
    'ND740',
    [`somebody keeps changing the service rules ${what}`, ...who].join('\n'),
    known === undefined ? 'sudo nft monitor' : `Find out why ${known.name} does that: sudo nft monitor`,
    restart,
  );
}

function families(all: readonly Compared[]): string {
  return all.map(({family}) => family).join(' and ');
}

function difference({kernel, commit}: Compared): string {
  return kernel === undefined || kernel.count === commit.services
    ? 'other ones than were committed'
    : `${kernel.count} service ports instead of ${commit.services}`;
}
