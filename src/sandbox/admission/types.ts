import type {KubeObject} from '../../lib/kubernetes.ts';
import type {Resource} from '../../lib/resources.ts';
import type {Obj, User} from '../contract.ts';

/** One write on its way into the store. The object is admission's own: it is changed in place. */
export type Write<T extends KubeObject = KubeObject> = {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly resource: Resource;
  readonly subresource?: string;
  readonly object: T;
  /** The stored object; set for UPDATE. Never changed. */
  readonly old?: T;
  readonly user: User;
  readonly namespace?: string;
};

/** The store as admission sees it: what was committed before this write. Nothing of it may be changed. */
export type Lookup = {
  get<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
  ): T | undefined;
  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Iterable<T>;
};

/**
 * Returns the object to store: defaulted, completed and checked.
 * @throws StatusError 403, 404 or 422, in Kubernetes' words
 */
export type Admit = (write: Write<Obj>, lookup: Lookup) => Obj;

export type AdmissionOptions = {
  /** ClusterIPs come from these, one per family, the first is the default: `10.96.0.0/12`. */
  readonly serviceCidrs: readonly string[];
  /** Inclusive; 30000–32767 by default. */
  readonly nodePorts?: {readonly first: number; readonly last: number};
  /** Numbers in [0, 1), for addresses, ports and generated names. */
  readonly random: () => number;
};

/** Whether a write is about this resource, so that its object has that type. */
export function concerns<T extends KubeObject>(write: Write, resource: Resource<T>): write is Write<T> {
  return write.resource.group === resource.group && write.resource.plural === resource.plural;
}
