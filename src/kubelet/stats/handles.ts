import {type Handles, handlesOf} from '../../edges/process/open-files.ts';
import type {Snapshot} from './types.ts';

/** By the ids of containers. */
export type HandlesById = ReadonlyMap<string, Handles>;

/** What running containers have open. Only `/metrics/cadvisor` tells it, so it is no part of every reading. */
export async function readHandles({pods}: Snapshot): Promise<HandlesById> {
  const found = new Map<string, Handles>();
  for (const {id, pids} of pods.flatMap(({containers}) => containers))
    if (pids.length > 0) found.set(id, await handlesOf(pids));
  return found;
}
