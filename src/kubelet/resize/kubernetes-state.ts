import * as z from 'zod/mini';
import {readText} from '../../edges/files/files.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import {checksum} from '../managers/checksum.ts';
import type {Allocation, ResourceRecord} from './allocation.ts';

const list = z.optional(z.record(z.string(), z.string()));
const resources = z.looseObject({requests: list, limits: list});
const file = z.object({data: z.string(), checksum: z.number()});
const entries = z.record(
  z.string(),
  z.object({
    ContainerResources: z.nullable(z.record(z.string(), resources)),
    PodLevelResources: z.nullish(resources),
  }),
);
const data = z.object({entries: z._default(entries, {})});

/**
 * What Kubernetes' own kubelet has noted for each pod (pkg/kubelet/allocation/state), on a node that was its before: a
 * resize that it had not agreed to yet must not be taken for one.
 */
export async function kubernetesRecords(rootDir: string, log: Logger): Promise<Map<string, ResourceRecord>> {
  const [allocated, actuated] = await Promise.all(
    ['allocated_pods_state', 'actuated_pods_state'].map((name) => readState(`${rootDir}/${name}`, log)),
  );
  return new Map(
    [...(allocated ?? [])].map(([uid, given]) => [
      uid,
      {allocated: given, actuated: actuated?.get(uid) ?? given},
    ]),
  );
}

async function readState(path: string, log: Logger): Promise<Map<string, Allocation>> {
  const text = await readText(path);
  if (text === undefined) return new Map();
  try {
    return parsePodResources(text);
  } catch (error) {
    log.warn('what pods were given by another kubelet is not known', {path, error: describeError(error)});
    return new Map();
  }
}

/** @throws for a file that is damaged */
export function parsePodResources(text: string): Map<string, Allocation> {
  const seen = file.parse(JSON.parse(text));
  if (checksum(`(string)${seen.data}`) !== seen.checksum) throw new Error('checkpoint is corrupted');
  return new Map(
    Object.entries(data.parse(JSON.parse(seen.data)).entries).map(([uid, given]) => [
      uid,
      {
        ...(given.PodLevelResources ? {pod: given.PodLevelResources} : {}),
        containers: given.ContainerResources ?? {},
      },
    ]),
  );
}
