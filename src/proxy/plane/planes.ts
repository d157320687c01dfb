import type {NodePortAddresses, ProxyConfig} from '../../config/proxy.ts';
import {realClock} from '../../edges/clock.ts';
import {readSysctl, writeSysctl} from '../../edges/machine/sysctl.ts';
import {openIptables} from '../../edges/nftables/iptables.ts';
import type {Nft} from '../../edges/nftables/nft.ts';
import {type NftChanges, watchNftChanges} from '../../edges/nftables/nft-changes.ts';
import {languageComplaint} from '../../edges/nftables/nft-sight.ts';
import {
  installedIptables,
  kernelRelease,
  lookAtEveryIptables,
  nftVersion,
  savedRules,
} from '../../edges/nftables/packet-filters.ts';
import {cidrContains, type Family, parseAddress, parseCidr} from '../../lib/addresses.ts';
import type {Logger} from '../../lib/log.ts';
import type {ProxyMetrics} from '../health/metrics.ts';
import {IptablesDataPlane, type IptablesPlaneOptions} from '../iptables/data-plane.ts';
import {readSaved} from '../iptables/observed.ts';
import {readAcceptedOnLoopback, readDroppedAsInvalid} from '../iptables/packet-counts.ts';
import {isOurs, removalInputs} from '../iptables/removal.ts';
import {NftDataPlane} from '../nftables/data-plane.ts';
import {probeStatements} from '../nftables/probe.ts';
import {removalStatements} from '../nftables/text.ts';
import type {FamilyTableOptions} from '../table/family-table.ts';
import {type ChosenMode, chooseMode, knowsRandomFully, lackOfNft, type ProxyMode} from './mode.ts';
import type {DataPlane} from './plane.ts';
import {untilDone} from './until-done.ts';

/** What is wanted of a plane, whichever it is. */
export type Wanted = Omit<FamilyTableOptions, 'name'>;

export type Planes = {
  readonly mode: ProxyMode;
  open(wanted: Wanted): DataPlane;
  /** The kernel follows these planes now: what other ones have left is taken away, without a gap in between. */
  settle(signal: AbortSignal): Promise<void>;
  /** Hears of changes that others make to the kernel's rules; undefined where nobody tells. */
  changes(on: {onForeign(): void; onHears(): void}): NftChanges | undefined;
};

type Options = {
  readonly config: ProxyConfig;
  readonly families: readonly Family[];
  readonly nft: Nft;
  readonly metrics: ProxyMetrics;
  readonly monotonic: () => number;
  readonly log: Logger;
};

/** @throws NodectlError ND712 when neither nftables nor iptables can be programmed */
export async function openPlanes(options: Options): Promise<Planes> {
  const {config, log} = options;
  const version = await nftVersion();
  const lack =
    lackOfNft(kernelRelease(), version, skipsKernelCheck()) ?? (await lackOfLanguage(version, config.table));
  const chosen = await chooseMode(config.mode, lack, lookAtEveryIptables);
  if (chosen.reason !== undefined)
    log.warn(`Services are served by ${chosen.mode}`, {asked: config.mode, reason: chosen.reason});
  const {tcpBeLiberal} = config.conntrack;
  const liberal = tcpBeLiberal || Number(await readSysctl('net.netfilter.nf_conntrack_tcp_be_liberal')) > 0;
  return {
    mode: chosen.mode,
    open: (wanted) =>
      chosen.mode === 'nftables'
        ? new NftDataPlane({...wanted, name: config.table}, options.nft, options.monotonic)
        : iptablesPlane(wanted, chosen, liberal, options),
    settle: (signal) => settle(chosen, options, signal),
    changes: (on) =>
      chosen.mode === 'nftables'
        ? watchNftChanges({
            clock: realClock,
            table: config.table,
            mark: options.nft.mark,
            ...on,
            poke: () => options.nft.announce(),
          })
        : undefined,
  };
}

async function lackOfLanguage(version: string | undefined, table: string): Promise<string | undefined> {
  const complaint = await languageComplaint(probeStatements(table)).catch(() => undefined);
  return complaint === undefined ? undefined : `nft ${version} does not take its rules (${complaint})`;
}

/** kube-proxy's own way to try a kernel that has what is needed under an older number. */
function skipsKernelCheck(): boolean {
  return (process.env.KUBE_PROXY_NFTABLES_SKIP_KERNEL_VERSION_CHECK ?? '') !== '';
}

function iptablesPlane(
  wanted: Wanted,
  {backend, version}: Extract<ChosenMode, {mode: 'iptables'}>,
  liberalConntrack: boolean,
  {config, metrics, monotonic, log}: Options,
): IptablesDataPlane {
  const {family} = wanted;
  metrics.invalidDropped.read(family, () => readDroppedAsInvalid({family, backend}));
  if (family === 'IPv4')
    metrics.loopbackAccepted.read(family, () => readAcceptedOnLoopback({family, backend}));
  const options: IptablesPlaneOptions = {
    ...wanted,
    iptables: openIptables({family, backend}),
    randomFully: knowsRandomFully(version),
    localhostNodePorts: family === 'IPv4' && servesLoopback(config),
    liberalConntrack,
    monotonic,
    log,
    counters: {
      failed(how) {
        metrics.restoreFailures.inc({ip_family: family});
        if (how === 'partial') metrics.partialRestoreFailures.inc({ip_family: family});
      },
      restored(table, written, total) {
        metrics.iptablesLast.set({table, ip_family: family}, written);
        metrics.iptablesRules.set({table, ip_family: family}, total);
      },
    },
  };
  return new IptablesDataPlane(options);
}

/** Node ports on loopback: asked for, and not left out by nodePortAddresses. */
function servesLoopback({localhostNodePorts, nodePortAddresses}: ProxyConfig): boolean {
  return localhostNodePorts && includesLoopback(nodePortAddresses);
}

function includesLoopback(addresses: NodePortAddresses): boolean {
  if (addresses.kind !== 'cidrs') return addresses.kind === 'all';
  const cidrs = addresses.cidrs.filter(({family}) => family === 'IPv4');
  const [start, range] = [parseAddress('127.0.0.0'), parseCidr('127.0.0.0/8')];
  return (
    cidrs.length === 0 ||
    cidrs.some(
      (cidr) =>
        (start !== undefined && cidrContains(cidr, start)) ||
        (range !== undefined && cidrContains(range, cidr)),
    )
  );
}

async function settle(
  chosen: ChosenMode,
  {config, families, nft, log}: Options,
  signal: AbortSignal,
): Promise<void> {
  const insist = (what: string, work: () => Promise<unknown>) =>
    untilDone({what, work, clock: realClock, log, signal});
  const keep = chosen.mode === 'iptables' ? chosen.backend : undefined;
  await insist('iptables', () => removeIptables(families, keep, signal));
  if (chosen.mode === 'nftables' || signal.aborted) return;
  await insist('nftables', () => removeNftables(families, config.table, nft));
  // Only now do rules keep neighbours away from what listens on loopback.
  if (servesLoopback(config))
    await insist('route_localnet', () => writeSysctl('net.ipv4.conf.all.route_localnet', '1'));
}

/** Removes the tables of the nftables mode, whether they exist or not. */
export async function removeNftables(families: readonly Family[], table: string, nft: Nft): Promise<void> {
  if ((await nftVersion()) === undefined) return;
  for (const family of families) await nft.commit(removalStatements({family, name: table}));
}

/** Removes the rules of the iptables mode where they are nodectl's, of every kind but `keep`. */
export async function removeIptables(
  families: readonly Family[],
  keep?: string,
  signal?: AbortSignal,
): Promise<void> {
  for (const {backend} of await installedIptables(signal))
    for (const family of families) {
      if (backend === keep || signal?.aborted) continue;
      if (!isOurs(readSaved(await savedRules(family, backend, 'filter', signal)))) continue;
      const iptables = openIptables({family, backend, ...(signal && {signal})});
      for (const input of removalInputs(readSaved(await iptables.save()))) await iptables.restore(input);
    }
}
