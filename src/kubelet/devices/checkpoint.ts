import * as z from 'zod/mini';
import {grantBytes, grantOf} from '../../edges/devices/client.ts';
import {checksum, goList, goMap, goStruct, mapValues} from '../managers/checksum.ts';
import type {Ledger} from './ledger.ts';
import type {DeviceUse} from './types.ts';

/** Kubernetes' name for it, in the directory of the plugins' sockets. */
export const checkpointName = 'kubelet_internal_checkpoint';

export type DeviceCheckpoint = {
  readonly uses: readonly DeviceUse[];
  /** Resources that had a plugin. */
  readonly resources: readonly string[];
};

const entry = z.object({
  PodUID: z.string(),
  ContainerName: z.string(),
  ResourceName: z.string(),
  DeviceIDs: z.record(z.string(), z.array(z.string())),
  AllocResp: z.string(),
});
const schema = z.object({
  Data: z.object({
    PodDeviceEntries: z.nullable(z.array(entry)),
    RegisteredDevices: z.nullable(z.record(z.string(), z.nullable(z.array(z.string())))),
  }),
  Checksum: z.number(),
});

type Data = z.output<typeof schema>['Data'];

/** devicemanager/checkpoint: what Kubernetes' own kubelet writes and reads. */
export function writeCheckpoint(
  ledger: Ledger,
  registered: Readonly<Record<string, readonly string[]>>,
): string {
  const entries = ledger.all().map(({uid, container, resource, byNode, grant}) => ({
    PodUID: uid,
    ContainerName: container,
    ResourceName: resource,
    DeviceIDs: mapValues(byNode, (ids) => [...ids]),
    AllocResp: Buffer.from(grantBytes(grant)).toString('base64'),
  }));
  const Data = {
    PodDeviceEntries: entries.length === 0 ? null : entries,
    RegisteredDevices: mapValues(registered, (ids) => [...ids]),
  };
  return JSON.stringify({Data, Checksum: checksum(dump(Data))});
}

/** @throws for a file that is damaged */
export function readCheckpoint(text: string): DeviceCheckpoint {
  const {Data, Checksum} = schema.parse(JSON.parse(text));
  if (checksum(dump(Data)) !== Checksum) throw new Error('checkpoint is corrupted');
  return {
    uses: (Data.PodDeviceEntries ?? []).map((e) => ({
      uid: e.PodUID,
      container: e.ContainerName,
      resource: e.ResourceName,
      byNode: e.DeviceIDs,
      grant: grantOf(Buffer.from(e.AllocResp, 'base64')),
    })),
    resources: Object.keys(Data.RegisteredDevices ?? {}),
  };
}

function dump({PodDeviceEntries, RegisteredDevices}: Data): string {
  const entries = PodDeviceEntries?.map((e) =>
    goStruct(
      ['PodUID', 'string', e.PodUID],
      ['ContainerName', 'string', e.ContainerName],
      ['ResourceName', 'string', e.ResourceName],
      ['DeviceIDs', 'checkpoint.DevicesPerNUMA', goMap(mapValues(e.DeviceIDs, goList))],
      ['AllocResp', '[]uint8', goList([...Buffer.from(e.AllocResp, 'base64')])],
    ),
  );
  const registered = mapValues(RegisteredDevices ?? {}, (ids) => (ids === null ? '<nil>' : goList(ids)));
  const fields = goStruct(
    ['PodDeviceEntries', '[]checkpoint.PodDevicesEntry', entries === undefined ? '<nil>' : goList(entries)],
    ['RegisteredDevices', 'map[string][]string', RegisteredDevices === null ? '<nil>' : goMap(registered)],
  );
  return `(checkpoint.checkpointData)${fields}`;
}
