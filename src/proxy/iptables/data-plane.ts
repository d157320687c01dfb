import {type Iptables, RestoreError} from '../../edges/nftables/iptables.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Refused} from '../model/endpoint.ts';
import {mergeSlices} from '../model/endpoints.ts';
import type {NodeView} from '../model/node.ts';
import {healthCheckNodePort, viewService} from '../model/services.ts';
import type {Changes, Committed, DataPlane, Inspected} from '../plane/plane.ts';
import type {ServiceSource} from '../table/family-table.ts';
import type {PodMatch} from '../table/skeleton.ts';
import {type FixedContext, fixedChains, localTraffic, nodePortRules} from './fixed.ts';
import {Ledger} from './ledger.ts';
import {ownDigest, readSaved} from './observed.ts';
import {type Portion, portionOf} from './portion.ts';
import {refusedAtCommit} from './refused.ts';
import {checkInput, differenceInput, type Input, largeCluster, type Style, wholeInputs} from './text.ts';

export type IptablesPlaneOptions = FixedContext & {
  readonly masqueradeAll: boolean;
  readonly allowExternalIPs: boolean;
  readonly pods: PodMatch | undefined;
  readonly iptables: Iptables;
  readonly monotonic: () => number;
  readonly log: Logger;
  readonly refuse: (refused: Refused) => void;
  /** A Service that cannot be understood, or that the kernel refuses; the others do not wait for it. */
  readonly onBroken: (key: string, error: unknown) => void;
  readonly counters: RestoreCounters;
};

/** kube-proxy's own figures. */
export type RestoreCounters = {
  failed(how: 'partial' | 'full'): void;
  /** So many rules of a table have been written, and so many has it now. */
  restored(table: 'filter' | 'nat', written: number, total: number): void;
};

/** So many Services may be refused in one commit before it counts as failed. */
const mostRefused = 16;
/** Looking may take this share of the time: where it costs much it is done seldom. */
const lookShare = 1 / 20;
const linesPerMs = 100;
/** As seldom as kube-proxy writes everything again, in case something changed that no look has seen. */
const wholeEveryMs = 3_600_000;
/** iptables-nft needs time with the square of the chains in an input; iptables-legacy writes the whole table each time. */
const chainsPerInput = {nft: 600, default: 600, legacy: Number.POSITIVE_INFINITY};

/** The iptables mode: kube-proxy's chains and rules of one family, and iptables-restore that writes them. */
export class IptablesDataPlane implements DataPlane {
  readonly #options: IptablesPlaneOptions;
  readonly #fixed: ReturnType<typeof fixedChains>;
  readonly #ledger = new Ledger();
  #known = false;
  /** Counts what made the tables unknown, so that a commit under way cannot make them known again. */
  #forgotten = 0;
  #large = false;
  /** Rules since the last commit. */
  readonly #written = {filter: 0, nat: 0};
  #wholeAtMs = 0;
  /** Commits begun and ended. */
  #commits = 0;
  /** What iptables-save said of our chains, and after which commit. */
  #seen: {readonly commits: number; readonly digest: string} | undefined;
  #look = {endMs: 0, tookMs: 0, works: true};

  constructor(options: IptablesPlaneOptions) {
    this.#options = options;
    this.#fixed = fixedChains(options);
  }

  readonly mode = 'iptables';

  get known(): boolean {
    return this.#known;
  }

  get withoutLocal(): {readonly internal: number; readonly external: number} {
    return this.#ledger.withoutLocal;
  }

  forget(): void {
    this.#known = false;
    this.#forgotten++;
  }

  update({sources, node, context}: Changes): void {
    if (context !== undefined) this.#ledger.setTail(nodePortRules(this.#options, context));
    for (const [key, source] of sources)
      try {
        this.#ledger.replace(key, this.#portion(source, node));
      } catch (error) {
        this.#options.onBroken(key, error);
      }
    this.#large ||= this.#ledger.endpoints > largeCluster;
  }

  async commit(): Promise<Committed> {
    const how = this.#known ? 'partial' : 'full';
    const forgotten = this.#forgotten;
    this.#commits++;
    try {
      if (how === 'full') await this.#whole();
      else if (!(await this.#difference())) return 'nothing';
    } catch (error) {
      this.#known = false;
      this.#options.counters.failed(how);
      throw error;
    } finally {
      this.#commits++;
    }
    this.#known = forgotten === this.#forgotten;
    this.#count();
    return how;
  }

  /** Unused chains go with the commit that no longer needs them. */
  readonly sweepInMs = undefined;

  async sweep(): Promise<void> {}

  async isIntact(): Promise<boolean> {
    const {monotonic} = this.#options;
    const started = monotonic();
    const {endMs, tookMs, works} = this.#look;
    if (started < endMs + tookMs / lookShare) return true;
    if ((!this.#large || !works) && started - this.#wholeAtMs > wholeEveryMs) return false;
    return !works || (await this.#holds());
  }

  /** Two listings without a commit in between must be the same. */
  async inspect(): Promise<Inspected | undefined> {
    if (!this.#known) return undefined;
    const {iptables, monotonic} = this.#options;
    const [started, commits] = [monotonic(), this.#commits];
    const digest = ownDigest(await iptables.save());
    const before = this.#seen;
    if (commits !== this.#commits) return undefined;
    this.#seen = {commits, digest};
    const changed = before?.commits === commits && before.digest !== digest ? 'its rules' : undefined;
    // iptables-nft lists ten thousand Services in seconds: what counts is the time, not the lines.
    return {changed, lines: Math.round((monotonic() - started) * linesPerMs)};
  }

  async #difference(): Promise<boolean> {
    const input = differenceInput(this.#ledger.take(), () => this.#ledger.shared(), this.#style());
    if (input.length === 0) return false;
    this.#known = false;
    await this.#restore(input);
    return true;
  }

  /**
   * A look that fails right after everything was written may mean that somebody took it away again, so it is written once
   * more; one that fails then too would have it written for ever, and is not asked again before the next hour.
   */
  async #whole(): Promise<void> {
    await this.#writeWithoutRefused();
    let works = await this.#holds();
    if (!works) {
      await this.#writeWithoutRefused();
      works = await this.#holds();
    }
    this.#wholeAtMs = this.#options.monotonic();
    this.#look = {...this.#look, works};
    if (!works) this.#options.log.warn('iptables does not find the rules that it wrote');
  }

  /** Writes everything; a Service whose line the kernel refuses is left out and said, and the others are written. */
  async #writeWithoutRefused(): Promise<void> {
    for (let refused = 0; ; refused++)
      try {
        return await this.#writeWhole();
      } catch (error) {
        const owner = error instanceof RestoreError ? await this.#ownerOf(error.line) : undefined;
        if (owner === undefined || refused === mostRefused) throw error;
        this.#options.onBroken(owner, error);
        this.#ledger.replace(owner, undefined);
      }
  }

  async #writeWhole(): Promise<void> {
    const {iptables, log} = this.#options;
    const observed = readSaved(await iptables.save());
    this.#ledger.take();
    const {inputs, cleanup} = wholeInputs(this.#ledger, this.#fixed, observed, this.#style());
    for (const input of inputs) await this.#restore(input);
    for (const input of cleanup)
      await iptables.restore(input).catch((error: unknown) => {
        log.warn('old chains cannot be deleted, somebody uses them', {error: describeError(error)});
      });
  }

  async #restore(input: Input): Promise<void> {
    await this.#options.iptables.restore(input);
    let table: 'filter' | 'nat' = 'filter';
    for (const line of input)
      if (line === '*nat') table = 'nat';
      else if (line.startsWith('-A ') || line.startsWith('-I ')) this.#written[table]++;
  }

  #count(): void {
    for (const table of ['filter', 'nat'] as const) {
      const own = this.#fixed.filter((chain) => chain.table === table).flatMap(({rules}) => rules).length;
      this.#options.counters.restored(table, this.#written[table], own + this.#ledger.rules[table]);
      this.#written[table] = 0;
    }
  }

  async #holds(): Promise<boolean> {
    const {iptables, monotonic} = this.#options;
    const started = monotonic();
    const holds = await iptables.holds(checkInput(this.#fixed)).catch(() => true);
    this.#look = {...this.#look, endMs: monotonic(), tookMs: monotonic() - started};
    return holds;
  }

  async #ownerOf(line: string | undefined): Promise<string | undefined> {
    if (line === 'COMMIT') return refusedAtCommit(this.#options.iptables, this.#ledger.ownRules());
    const [, chain = '', rule = ''] = /^(?:-[ADIX] |:)(\S+) ?(.*)$/.exec(line ?? '') ?? [];
    return this.#ledger.ownerOf(chain, rule);
  }

  #style(): Style {
    return {large: this.#large, chainsPerInput: chainsPerInput[this.#options.iptables.backend]};
  }

  #portion({service, slices}: ServiceSource, node: NodeView): Portion | undefined {
    const {family, masqueradeAll, allowExternalIPs, pods, refuse} = this.#options;
    const view = service === undefined ? undefined : viewService(service, family, allowExternalIPs);
    if (service === undefined || view === undefined) return undefined;
    return portionOf(view, healthCheckNodePort(service), mergeSlices(slices, family, node.name, refuse), {
      masqueradeAll,
      pods: localTraffic(pods),
      nodeIP: node.addresses[family],
      topology: {nodeName: node.name, zone: node.zone},
    });
  }
}
