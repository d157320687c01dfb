import type {NodePortAddresses} from '../config/proxy.ts';
import type {Family} from '../lib/addresses.ts';
import {type NodeView, nodePortIPs} from './model/node.ts';
import type {NodeContext} from './table/skeleton.ts';

export type NodePortPlaces = {
  readonly nodePortAddresses: NodePortAddresses;
  /** This machine's addresses now. */
  readonly localAddresses: () => readonly string[];
};

/** What of each family's table belongs to no Service, and whether it has changed since it was taken last. */
export class NodeContexts {
  readonly #places: NodePortPlaces;
  readonly #taken = new Map<Family, string>();
  serviceCIDRs: readonly string[] = [];

  constructor(places: NodePortPlaces) {
    this.#places = places;
  }

  hasChanged(family: Family, node: NodeView): boolean {
    return this.#taken.get(family) !== JSON.stringify(this.#now(family, node));
  }

  /** Undefined where it is what it was. */
  take(family: Family, node: NodeView): NodeContext | undefined {
    const context = this.#now(family, node);
    const text = JSON.stringify(context);
    if (this.#taken.get(family) === text) return undefined;
    this.#taken.set(family, text);
    return context;
  }

  #now(family: Family, node: NodeView): NodeContext {
    const {nodePortAddresses, localAddresses} = this.#places;
    const local = nodePortAddresses.kind === 'cidrs' ? localAddresses() : [];
    return {
      nodePortIPs: nodePortIPs(nodePortAddresses, family, node, local),
      serviceCIDRs: this.serviceCIDRs.filter((cidr) => cidr.includes(':') === (family === 'IPv6')),
    };
  }
}
