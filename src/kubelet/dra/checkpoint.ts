import {crc32} from 'node:zlib';
import * as z from 'zod/mini';
import type {DraDevice} from '../../edges/dra/client.ts';
import type {ClaimRecord} from './types.ts';

/** Kubernetes' name for it, in the kubelet's root. */
export const checkpointName = 'dra_manager_state';

const device = z.object({
  PoolName: z.string(),
  DeviceName: z.string(),
  ShareID: z.nullish(z.string()),
  RequestNames: z.nullable(z.array(z.string())),
  CDIDeviceIDs: z.nullable(z.array(z.string())),
});
const claim = z.object({
  ClaimUID: z.string(),
  ClaimName: z.string(),
  Namespace: z.string(),
  // sets.Set[string]: a map of empty structs.
  PodUIDs: z.nullable(z.record(z.string(), z.unknown())),
  DriverState: z.nullable(z.record(z.string(), z.object({Devices: z.nullable(z.array(device))}))),
});
const file = z.object({Data: z.string(), Checksum: z.number()});
const data = z.object({ClaimInfoStateList: z.nullable(z.array(claim))});

/** cm/dra/state: what Kubernetes' own kubelet writes and reads, so that either may follow the other. */
export function writeCheckpoint(claims: Iterable<ClaimRecord>): string {
  const Data = JSON.stringify({
    kind: 'DRACheckpoint',
    apiVersion: 'checkpoint.dra.kubelet.k8s.io/v1',
    ClaimInfoStateList: [...claims].map(({uid, name, namespace, pods, drivers}) => ({
      ClaimUID: uid,
      ClaimName: name,
      Namespace: namespace,
      PodUIDs: Object.fromEntries([...pods].map((pod) => [pod, {}])),
      DriverState: Object.fromEntries(
        [...drivers].map(([driver, devices]) => [driver, {Devices: devices.map(stored)}]),
      ),
    })),
  });
  return JSON.stringify({Data, Checksum: crc32(Data)});
}

function stored({pool, device: name, shareId, requests, cdiDevices}: DraDevice): z.input<typeof device> {
  return {
    PoolName: pool,
    DeviceName: name,
    ShareID: shareId ?? null,
    RequestNames: [...requests],
    CDIDeviceIDs: [...cdiDevices],
  };
}

/** @throws for a file that is damaged */
export function readCheckpoint(text: string): ClaimRecord[] {
  const {Data, Checksum} = file.parse(JSON.parse(text));
  if (crc32(Data) !== Checksum) throw new Error('checkpoint is corrupted');
  return (data.parse(JSON.parse(Data)).ClaimInfoStateList ?? []).map((one) => ({
    uid: one.ClaimUID,
    name: one.ClaimName,
    namespace: one.Namespace,
    pods: new Set(Object.keys(one.PodUIDs ?? {})),
    drivers: new Map(
      Object.entries(one.DriverState ?? {}).map(([driver, {Devices}]) => [driver, (Devices ?? []).map(read)]),
    ),
    prepared: false,
  }));
}

function read(one: z.output<typeof device>): DraDevice {
  return {
    pool: one.PoolName,
    device: one.DeviceName,
    ...(one.ShareID === undefined || one.ShareID === null ? {} : {shareId: one.ShareID}),
    requests: one.RequestNames ?? [],
    cdiDevices: one.CDIDeviceIDs ?? [],
  };
}
