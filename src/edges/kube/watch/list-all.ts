import type {KubeObject} from '../../../lib/kubernetes.ts';
import type {Resource} from '../../../lib/resources.ts';
import type {KubeClient, List, ListQuery} from '../client.ts';
import {isGone} from '../errors.ts';

const pageSize = 500;

/**
 * The whole of a list, page by page. It throws when any page fails, so that half a list is never taken for a whole
 * one. A continue token that has expired in between makes it start again with one large page, as client-go does.
 */
export async function listAll<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  query: ListQuery,
  how: {signal?: AbortSignal; prepare?: (object: T) => T} = {},
): Promise<List<T>> {
  const options = how.signal === undefined ? {} : {signal: how.signal};
  const prepare = how.prepare ?? ((object: T) => object);
  const items: T[] = [];
  let page = await client.list(resource, {...query, limit: pageSize}, options);
  for (;;) {
    for (const item of page.items) items.push(prepare(item));
    if (page.continue === undefined) return {items, resourceVersion: page.resourceVersion};
    try {
      page = await client.list(resource, {...query, limit: pageSize, continue: page.continue}, options);
    } catch (error) {
      if (!isGone(error)) throw error;
      const whole = await client.list(resource, query, options);
      return {...whole, items: whole.items.map(prepare)};
    }
  }
}
