import type {Family} from '../../lib/addresses.ts';
import type {EndpointSlice, Service} from '../../lib/kubernetes.ts';
import type {Refused} from '../model/endpoint.ts';
import {mergeSlices} from '../model/endpoints.ts';
import type {NodeView} from '../model/node.ts';
import {viewService} from '../model/services.ts';
import {type ChainContext, SharedChains} from './chains.ts';
import type {Fragment} from './fragment.ts';
import {Ledger} from './ledger.ts';
import {serviceFragment} from './service-fragment.ts';
import {chainContext, type NodeContext, type PodMatch, skeleton, type TableContext} from './skeleton.ts';
import type {Chain, Container, Element, Operation, Table} from './table.ts';

/** What the API says of one Service: the Service itself and the slices that name it. */
export type ServiceSource = {
  readonly service: Service | undefined;
  readonly slices: readonly EndpointSlice[];
};

export type FamilyTableOptions = {
  readonly family: Family;
  readonly name: string;
  readonly masqueradeMark: number;
  readonly masqueradeAll: boolean;
  readonly allowExternalIPs: boolean;
  readonly pods: PodMatch | undefined;
  readonly refuse: (refused: Refused) => void;
  /** A Service that cannot be understood; it stays as it was. */
  readonly onBroken: (key: string, error: unknown) => void;
};

/** The owner of what is in the table before any Service; no Service has this name. */
const skeletonOwner = '';

/** The desired table of one family, kept current Service by Service. Pure but for its own state. */
export class FamilyTable implements Table {
  readonly #options: FamilyTableOptions;
  readonly #ledger = new Ledger();
  readonly #shared: SharedChains;
  readonly #chains: ChainContext;
  readonly #context: TableContext;
  /** Service ports with a Local policy that no endpoint of this node serves. */
  readonly withoutLocal = {internal: 0, external: 0};

  constructor(options: FamilyTableOptions) {
    this.#options = options;
    this.#context = options;
    this.#chains = chainContext(this.#context);
    this.#shared = new SharedChains(this.#chains);
  }

  /** Recomputes these Services; answers with what changed in the table. */
  update(sources: ReadonlyMap<string, ServiceSource>, node: NodeView): Operation[] {
    const changes = new Map<string, Fragment | undefined>();
    for (const [key, source] of sources) {
      let fragment: Fragment | undefined;
      try {
        fragment = this.#fragment(key, source, node);
      } catch (error) {
        this.#options.onBroken(key, error);
        continue;
      }
      changes.set(key, fragment);
      for (const policy of ['internal', 'external'] as const)
        this.withoutLocal[policy] +=
          (fragment?.withoutLocal[policy] ?? 0) - (this.#ledger.get(key)?.withoutLocal[policy] ?? 0);
    }
    return this.#ledger.update(changes);
  }

  /** What does not belong to a Service: the node's addresses and the service ranges. */
  updateNode(node: NodeContext): Operation[] {
    return this.#ledger.update(new Map([[skeletonOwner, skeleton(this.#context, node)]]));
  }

  get family(): Family {
    return this.#options.family;
  }

  get name(): string {
    return this.#options.name;
  }

  chains(): Iterable<Chain> {
    return this.#ledger.chains();
  }

  containers(): Iterable<Container> {
    return this.#ledger.containers();
  }

  elements(): Iterable<readonly Element[]> {
    return this.#ledger.elements();
  }

  /** The map `services` of the table. */
  services(): ReadonlyMap<string, string> {
    return this.#ledger.services();
  }

  #fragment(key: string, {service, slices}: ServiceSource, node: NodeView): Fragment | undefined {
    const {family, allowExternalIPs, refuse} = this.#options;
    const view = service === undefined ? undefined : viewService(service, family, allowExternalIPs);
    if (view === undefined) return undefined;
    return serviceFragment(
      // One text of its name for all that is kept of it.
      {...view, key},
      mergeSlices(slices, family, node.name, refuse),
      {
        chains: this.#chains,
        shared: this.#shared,
        topology: {nodeName: node.name, zone: node.zone},
        nodeIP: node.addresses[family],
      },
      this.#ledger.get(key),
    );
  }
}
