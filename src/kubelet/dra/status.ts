import type {DraDevice, DraHealth} from '../../edges/dra/client.ts';
import type {Container, ContainerStatus, Pod} from '../../lib/kubernetes.ts';
import {madeClaims} from './pod-claims.ts';
import type {ClaimRecord} from './types.ts';

type Statuses = NonNullable<ContainerStatus['allocatedResourcesStatus']>;
type Health = Statuses[number]['resources'];

export type ClaimFacts = {
  readonly record: (name: string) => ClaimRecord | undefined;
  readonly health: (driver: string, device: DraDevice) => {health: DraHealth; message: string};
};

/** What is known of the health of devices that a container has by its claims (ResourceHealthStatus). */
export function claimStatus(pod: Pod, {resources}: Container, facts: ClaimFacts): Statuses {
  const used = resources?.claims ?? [];
  if (used.length === 0) return [];
  const names = new Map(madeClaims(pod).map(({entry, name}) => [entry, name]));
  return used.flatMap(({name, request}) => {
    const record = facts.record(names.get(name) ?? '');
    const found = record === undefined ? [] : healthOf(record, request ?? '', facts);
    if (found.length === 0) return [];
    return {name: request ? `claim:${name}/${request}` : `claim:${name}`, resources: found};
  });
}

function healthOf({drivers}: ClaimRecord, request: string, facts: ClaimFacts): NonNullable<Health> {
  // A request of a list with priorities is `request/subrequest`; drivers name the former.
  const base = request.split('/')[0] ?? '';
  const found = new Map<string, NonNullable<Health>[number]>();
  for (const [driver, devices] of drivers)
    for (const device of devices) {
      if (base !== '' && device.requests.length > 0 && !device.requests.includes(base)) continue;
      const resourceID = device.cdiDevices[0] ?? `${driver}/${device.pool}/${device.device}`;
      const {health, message} = facts.health(driver, device);
      if (!found.has(resourceID))
        found.set(resourceID, {resourceID, health, ...(message === '' ? {} : {message})});
    }
  return [...found.values()];
}
