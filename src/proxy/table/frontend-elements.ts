import {endpointMap} from './chains.ts';
import {type Frontend, frontendKey, none} from './fragment.ts';
import type {Element, Operation} from './table.ts';

/** What one frontend is in the table's maps. */
export function frontendElements(frontend: Frontend): Element[] {
  return frontendOperations(undefined, frontend).flatMap((operation) =>
    operation.do === 'add-element' ? [operation] : [],
  );
}

/**
 * From one frontend to another of the same key. A changed value is a deletion and an addition in one transaction:
 * packets see one or the other.
 */
export function frontendOperations(before: Frontend | undefined, after: Frontend | undefined): Operation[] {
  const either = after ?? before;
  if (either === undefined || before === after) return [];
  const operations: Operation[] = [];
  const change = (container: string, key: string, was: string | undefined, now: string | undefined) => {
    if (was === now) return;
    if (was !== undefined) operations.push({do: 'delete-element', container, key, value: was});
    if (now !== undefined) operations.push({do: 'add-element', container, key, value: now});
  };
  const {kind, protocol, address, port} = either;
  const key = frontendKey(either);
  const isService = kind === 'service';
  change(isService ? 'services' : 'nodeports', key, before?.verdict, after?.verdict);
  change(isService ? 'no-endpoints' : 'no-endpoint-nodeports', key, before?.refusal, after?.refusal);
  change('firewall', key, before?.firewall, after?.firewall);
  const prefix = isService ? `${address} . ${port}` : String(port);
  for (const policy of ['cluster', 'local'] as const) {
    const [was, now] = [targets(before, policy), targets(after, policy)];
    const container = endpointMap(kind, policy, protocol);
    // Of thousands of endpoints one or two differ.
    for (let i = 0; i < Math.max(was.length, now.length); i++)
      if (was[i] !== now[i]) change(container, `${prefix} . ${i}`, was[i], now[i]);
  }
  return operations;
}

function targets(frontend: Frontend | undefined, policy: 'cluster' | 'local'): readonly string[] {
  return frontend?.policies.includes(policy) ? (frontend.pool?.[policy] ?? none) : none;
}
