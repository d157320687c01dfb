import {readText, removeFile, writeAtomic} from '../../../../edges/files/files.ts';

/** What is noted of a volume beside it, for whoever takes it away (pkg/volume/csi: vol_data.json). */
export type VolumeData = {
  readonly driverName: string;
  readonly volumeHandle: string;
  readonly specVolID?: string;
  readonly nodeName?: string;
  readonly attachmentID?: string;
  readonly volumeLifecycleMode?: string;
  /** The SELinux label that it is mounted with. */
  readonly seLinuxMountContext?: string;
};

const fileName = 'vol_data.json';

export async function writeVolumeData(directory: string, data: VolumeData): Promise<void> {
  await writeAtomic(`${directory}/${fileName}`, `${JSON.stringify(data)}\n`, 0o644);
}

export async function removeVolumeData(directory: string): Promise<void> {
  await removeFile(`${directory}/${fileName}`);
}

/** Undefined when there is none, or none that names a volume. */
export async function readVolumeData(directory: string): Promise<VolumeData | undefined> {
  return parseVolumeData(await readText(`${directory}/${fileName}`));
}

export function parseVolumeData(text: string | undefined): VolumeData | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = new Map(Object.entries(value));
  const word = (key: string): string | undefined => {
    const found: unknown = fields.get(key);
    return typeof found === 'string' && found !== '' ? found : undefined;
  };
  const [driverName, volumeHandle] = [word('driverName'), word('volumeHandle')];
  if (driverName === undefined || volumeHandle === undefined) return undefined;
  const mode = word('volumeLifecycleMode');
  const specVolID = word('specVolID');
  const label = word('seLinuxMountContext');
  return {
    driverName,
    volumeHandle,
    ...(specVolID === undefined ? {} : {specVolID}),
    ...(mode === undefined ? {} : {volumeLifecycleMode: mode}),
    ...(label === undefined ? {} : {seLinuxMountContext: label}),
  };
}
