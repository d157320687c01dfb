import type {DeviceGrant} from '../../edges/devices/client.ts';

/** Devices of one resource that one container has, by the NUMA node they are near to; '-1' where that is unknown. */
export type DevicesByNode = Readonly<Record<string, readonly string[]>>;

export const noNode = '-1';

export type DeviceUse = {
  readonly uid: string;
  readonly container: string;
  readonly resource: string;
  readonly byNode: DevicesByNode;
  /** What the plugin wants done to the container. */
  readonly grant: DeviceGrant;
};

/** A device near to several nodes is in the list of each. */
export function idsOf({byNode}: Pick<DeviceUse, 'byNode'>): ReadonlySet<string> {
  return new Set(Object.values(byNode).flat());
}
