import type {PluginDevice} from '../../edges/devices/client.ts';
import {maskOf, type NumaMask} from '../managers/numa.ts';
import {type DevicesByNode, noNode} from './types.ts';

export type ChoiceSeen = {
  readonly resource: string;
  readonly required: number;
  readonly devices: ReadonlyMap<string, PluginDevice>;
  readonly healthy: ReadonlySet<string>;
  readonly taken: ReadonlySet<string>;
  /** Of this pod's init containers that have ended. */
  readonly reusable: ReadonlySet<string>;
  readonly affinity: NumaMask | undefined;
};

/** What the plugin may prefer: `from` these, with `must` among them; what it names is taken first. */
export type Question = {
  readonly from: ReadonlySet<string>;
  readonly must: ReadonlySet<string>;
  readonly size: number;
};

export type Choice =
  | {readonly ids: ReadonlySet<string>}
  | {
      readonly ask: Question;
      /** With what the plugin has answered; nothing where it was not asked. */
      readonly answer: (preferred: ReadonlySet<string>) => ReadonlySet<string>;
    };

/**
 * Which devices a container gets: those of ended init containers first, then near ones, as the plugin prefers, then
 * all others (devicemanager, devicesToAllocate).
 * @throws when there are too few
 */
export function chooseDevices(seen: ChoiceSeen): Choice {
  const {resource, required, healthy, taken, reusable} = seen;
  const chosen = new Taking(required);
  if (chosen.take(reusable)) return {ids: chosen.ids};
  const available = new Set([...healthy].filter((id) => !taken.has(id) && !chosen.ids.has(id)));
  if (available.size < chosen.missing)
    throw new Error(
      `requested number of devices unavailable for ${resource}. Requested: ${chosen.missing}, Available: ${available.size}`,
    );
  const {near, far, anywhere} = byAffinity(seen, available);
  if (chosen.missing < near.size)
    return {
      ask: {from: new Set([...near, ...chosen.ids]), must: new Set(chosen.ids), size: required},
      answer: (preferred) => {
        chosen.take([...preferred].filter((id) => near.has(id)));
        chosen.take(near);
        return chosen.ids;
      },
    };
  if (chosen.take(near)) return {ids: chosen.ids};
  return {
    ask: {from: new Set([...available, ...chosen.ids]), must: new Set(chosen.ids), size: required},
    answer: (preferred) => {
      chosen.take([...preferred].filter((id) => available.has(id)));
      chosen.take(far);
      chosen.take(anywhere);
      return chosen.ids;
    },
  };
}

class Taking {
  readonly ids = new Set<string>();
  readonly #required: number;

  constructor(required: number) {
    this.#required = required;
  }

  get missing(): number {
    return this.#required - this.ids.size;
  }

  /** True when there are enough. */
  take(from: Iterable<string>): boolean {
    for (const id of from) {
      if (this.missing <= 0) break;
      this.ids.add(id);
    }
    return this.missing <= 0;
  }
}

type Places = {
  readonly near: ReadonlySet<string>;
  readonly far: ReadonlySet<string>;
  readonly anywhere: ReadonlySet<string>;
};

function byAffinity({devices, affinity}: ChoiceSeen, available: ReadonlySet<string>): Places {
  const nodes = (id: string): readonly number[] => devices.get(id)?.nodes ?? [];
  const cares = [...devices.values()].some((device) => device.nodes.length > 0);
  if (!cares || affinity === undefined) return {near: new Set(), far: new Set(), anywhere: available};
  const isNear = (id: string): boolean => (maskOf(nodes(id)) & affinity) !== 0n;
  const ids = [...available];
  return {
    near: new Set(ids.filter(isNear)),
    far: new Set(ids.filter((id) => nodes(id).length > 0 && !isNear(id))),
    anywhere: new Set(ids.filter((id) => nodes(id).length === 0)),
  };
}

export function byNode(ids: Iterable<string>, devices: ReadonlyMap<string, PluginDevice>): DevicesByNode {
  const result: Record<string, string[]> = {};
  for (const id of ids) {
    const nodes = devices.get(id)?.nodes ?? [];
    for (const node of nodes.length === 0 ? [noNode] : nodes.map(String)) {
      const list = result[node] ?? [];
      list.push(id);
      result[node] = list;
    }
  }
  return result;
}
