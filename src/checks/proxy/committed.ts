import {hasKeys, listMap} from '../../edges/nft-sight.ts';
import {type ProxyCommit, readCommits} from '../../edges/proxy-commits.ts';
import {mapDigest} from '../../lib/map-digest.ts';
import {type Finding, failure} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';

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
    'compares the kernel’s map of Services with the proxy’s last commit, by a digest or, beyond 2000, a sample',
  after: ['ServiceRules'],
  blames: ['ProxyService', 'ProxyHealth', 'APIServer'],
  async observe({sight, proxied, options}, signal): Promise<readonly Compared[]> {
    let commits = proxied ? await sight.commits() : undefined;
    // A commit between the two looks is no change by somebody else: then they are made again.
    for (let left = 3; ; left--) {
      const seen = await Promise.all(
        Object.entries(commits ?? {}).map(([family, commit]) => compare(family, commit, signal)),
      );
      if (left === 0 || seen.every(isSame)) return seen;
      commits = await readCommits(options.ports.proxyMetrics, signal);
    }
  },
  judge: (seen, context) => seen.flatMap((one) => judgeCommit(one, command(context, 'restart proxy'))),
});

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

export function judgeCommit(compared: Compared, restart: string): readonly Finding[] {
  const {family, commit, kernel} = compared;
  if (commit.pendingMs > lateMs)
    return [
      failure(
        'ND748',
        `a change of Services (${family}) has waited ${Math.round(commit.pendingMs / 1000)} s for the kernel`,
        restart,
      ),
    ];
  if (isSame(compared)) return [];
  const counts =
    kernel === undefined || kernel.count === commit.services
      ? 'other ones than were committed'
      : `${kernel.count} service ports instead of ${commit.services}`;
  return [failure('ND740', `somebody changed the service rules (${family}): ${counts}`, restart)];
}
