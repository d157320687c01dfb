import {createHash} from 'node:crypto';

/** Names and places of CSI volumes, exactly as Kubernetes has them: other programs and other kubelets rely on them. */

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A volume in the Node's status: v1.UniqueVolumeName. */
export function uniqueVolumeName(driver: string, handle: string): string {
  return `kubernetes.io/csi/${driver}^${handle}`;
}

export function attachmentName(driver: string, handle: string, nodeName: string): string {
  return `csi-${sha256(`${handle}${driver}${nodeName}`)}`;
}

/** The handle of a volume that lives and dies with its pod. */
export function inlineHandle(podUid: string, specName: string): string {
  return `csi-${sha256(`${podUid}${specName}`)}`;
}

export function pluginDirectory(rootDir: string): string {
  return `${rootDir}/plugins/kubernetes.io/csi`;
}

/** What a staged volume has: `globalmount` and vol_data.json. */
export function stageDirectory(rootDir: string, driver: string, handle: string): string {
  return `${pluginDirectory(rootDir)}/${driver}/${sha256(handle)}`;
}

export type BlockPlaces = {
  /** `data/vol_data.json`, and `dev` with a link for each pod. */
  readonly directory: string;
  readonly staging: string;
  /** A place for each pod, by its UID. */
  readonly publish: string;
};

export function blockRoot(rootDir: string): string {
  return `${pluginDirectory(rootDir)}/volumeDevices`;
}

export function blockPlaces(rootDir: string, specName: string): BlockPlaces {
  const root = blockRoot(rootDir);
  return {
    directory: `${root}/${specName}`,
    staging: `${root}/staging/${specName}`,
    publish: `${root}/publish/${specName}`,
  };
}

/** In `plugins/kubernetes.io/csi/volumeDevices`, what is no volume's name. */
export const blockReserved: ReadonlySet<string> = new Set(['staging', 'publish']);
