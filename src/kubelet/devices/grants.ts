import type {DeviceGrant} from '../../edges/devices/client.ts';
import type {ContainerDevice, ContainerMount} from '../pod/config/container-config.ts';
import type {EnvironmentVariable} from '../pod/config/environment/environment.ts';

/** What devices add to a container. */
export type DeviceAdditions = {
  readonly environment: readonly EnvironmentVariable[];
  readonly mounts: readonly ContainerMount[];
  readonly devices: readonly ContainerDevice[];
  readonly annotations: Readonly<Record<string, string>>;
  /** Fully qualified names of the Container Device Interface. */
  readonly cdiDevices: readonly string[];
};

/** All grants of one container together; of two that want the same thing differently, the first one holds. */
export function additionsOf(grants: readonly DeviceGrant[]): DeviceAdditions {
  const environment = new Map<string, EnvironmentVariable>();
  const mounts = new Map<string, ContainerMount>();
  const devices = new Map<string, ContainerDevice>();
  const annotations = new Map<string, string>();
  const cdi = new Set<string>();
  for (const grant of grants) {
    for (const [name, value] of Object.entries(grant.envs)) first(environment, name, {name, value});
    for (const {containerPath, hostPath, readOnly} of grant.mounts)
      first(mounts, containerPath, {containerPath, hostPath, readonly: readOnly, selinuxRelabel: false});
    for (const {containerPath, hostPath, permissions} of grant.devices)
      first(devices, containerPath, {containerPath, hostPath, permissions});
    for (const [name, value] of Object.entries(grant.annotations)) first(annotations, name, value);
    for (const {name} of grant.cdiDevices) cdi.add(name);
  }
  return {
    environment: [...environment.values()],
    mounts: [...mounts.values()],
    devices: [...devices.values()],
    annotations: Object.fromEntries(annotations),
    cdiDevices: [...cdi],
  };
}

function first<T>(map: Map<string, T>, key: string, value: T): void {
  if (!map.has(key)) map.set(key, value);
}
