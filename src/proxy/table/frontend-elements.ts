import {endpointMap} from './chains.ts';
import {type Frontend, frontendKey} from './fragment.ts';
import type {Operation} from './table.ts';

export type Element = {readonly container: string; readonly key: string; readonly value: string};

/** What one frontend is in the table's maps. */
export function frontendElements(frontend: Frontend | undefined): Element[] {
  if (frontend === undefined) return [];
  const key = frontendKey(frontend);
  const {kind, verdict, refusal, firewall, pool, policies, protocol} = frontend;
  const elements: Element[] = [];
  const put = (container: string, at: string, value: string | undefined) => {
    if (value !== undefined) elements.push({container, key: at, value});
  };
  put(kind === 'service' ? 'services' : 'nodeports', key, verdict);
  put(kind === 'service' ? 'no-endpoints' : 'no-endpoint-nodeports', key, refusal);
  put('firewall', key, firewall);
  const prefix = kind === 'service' ? `${frontend.address} . ${frontend.port}` : String(frontend.port);
  for (const policy of policies)
    for (const [index, endpoint] of (pool?.[policy] ?? []).entries())
      put(endpointMap(kind, policy, protocol), `${prefix} . ${index}`, endpoint);
  return elements;
}

/** A changed value is a deletion and an addition in one transaction: packets see one or the other. */
export function frontendOperations(before: Frontend | undefined, after: Frontend | undefined): Operation[] {
  if (before === after) return [];
  const old = new Map(
    frontendElements(before).map((element) => [`${element.container} ${element.key}`, element]),
  );
  const operations: Operation[] = [];
  for (const element of frontendElements(after)) {
    const id = `${element.container} ${element.key}`;
    const was = old.get(id);
    old.delete(id);
    if (was?.value === element.value) continue;
    if (was !== undefined) operations.push({do: 'delete-element', ...was});
    operations.push({do: 'add-element', ...element});
  }
  for (const was of old.values()) operations.push({do: 'delete-element', ...was});
  return operations;
}
