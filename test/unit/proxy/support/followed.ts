import {ObjectStore} from '../../../../src/edges/kube/watch/object-store.ts';
import type {Family} from '../../../../src/lib/addresses.ts';
import type {EndpointSlice, Service} from '../../../../src/lib/kubernetes.ts';
import {Caches} from '../../../../src/proxy/caches.ts';
import type {IptablesDataPlane} from '../../../../src/proxy/iptables/data-plane.ts';
import {trimSlice} from '../../../../src/proxy/model/endpoints.ts';
import {type NodeView, viewNode} from '../../../../src/proxy/model/node.ts';
import {trimService} from '../../../../src/proxy/model/services.ts';
import type {FamilyTable} from '../../../../src/proxy/table/family-table.ts';
import {FakeIptables} from '../iptables/support/fake-iptables.ts';
import {iptablesPlane} from '../iptables/support/planes.ts';
import {trace as traceIptables} from '../iptables/support/tracer.ts';
import {node} from './objects.ts';
import {familyTable, rendered} from './tables.ts';
import {trace} from './tracer.ts';
import {type Flow, podRange, serviceRange, world} from './vectors.ts';

type Outcome = ReturnType<typeof trace>;

/** Objects as watches tell of them, followed by both data planes change by change. */
export class Followed {
  readonly family: Family;
  readonly services: ObjectStore<Service>;
  readonly slices: ObjectStore<EndpointSlice>;
  readonly #caches: Caches;
  readonly #table: FamilyTable;
  readonly #iptables: FakeIptables;
  readonly #plane: IptablesDataPlane;
  #node: NodeView;
  #version = 0;

  constructor(family: Family) {
    this.family = family;
    this.services = new ObjectStore((event) => this.#caches.serviceChanged(event));
    this.slices = new ObjectStore((event) => this.#caches.sliceChanged(event));
    this.#caches = new Caches(
      {services: () => this.services.objects, slices: () => this.slices.objects},
      Date.now(),
    );
    const pods = {by: 'cidr', cidr: podRange[family]} as const;
    this.#table = familyTable(family, {pods});
    this.#iptables = new FakeIptables(family);
    this.#plane = iptablesPlane(this.#iptables, {pods});
    this.#node = this.#here('');
    const context = {nodePortIPs: undefined, serviceCIDRs: [serviceRange[family]]};
    this.#table.updateNode(context);
    this.#plane.update({sources: new Map(), node: this.#node, context});
  }

  put(...objects: readonly (Service | EndpointSlice)[]): void {
    for (const object of objects) this.#tell('MODIFIED', object);
  }

  /** It is gone, or no longer what a watch asks for. */
  remove(...objects: readonly (Service | EndpointSlice)[]): void {
    for (const object of objects) this.#tell('DELETED', object);
  }

  zone(name: string): void {
    this.#node = this.#here(name);
    this.#caches.all();
  }

  /** Brings both planes to what is known, as one round does; answers with what each does with a flow. */
  async commit(): Promise<(flow: Flow) => {readonly nftables: Outcome; readonly iptables: Outcome}> {
    const {sources} = this.#caches.take(1_000);
    this.#table.update(sources, this.#node);
    this.#plane.update({sources, node: this.#node, context: undefined});
    await this.#plane.commit();
    const table = rendered(this.#table);
    return (flow) => ({
      nftables: trace(table, flow),
      iptables: traceIptables((place) => this.#iptables.rules(place), this.family, flow),
    });
  }

  /** As each plane counts them for the metric. */
  get withoutLocal() {
    return {nftables: {...this.#table.withoutLocal}, iptables: {...this.#plane.withoutLocal}};
  }

  #here(zone: string): NodeView {
    return viewNode('here', node('here', [world.node?.[this.family] ?? ''], zone), '0.0.0.0');
  }

  #tell(type: 'MODIFIED' | 'DELETED', object: Service | EndpointSlice): void {
    this.#version++;
    const metadata = {...object.metadata, resourceVersion: String(this.#version)};
    if ('addressType' in object) this.slices.change({type, object: trimSlice({...object, metadata})});
    else this.services.change({type, object: trimService({...object, metadata})});
  }
}
