import {ensureDirectory} from '../../../edges/files/trees.ts';
import {mountNfs, unmountOrForce} from '../../../edges/mounts/volume-mounts.ts';
import type {VolumePlugin} from '../types.ts';

/** Kubernetes' patience with a server that is away (pkg/volume/nfs). */
const unmountMs = 60_000;

export const nfs: VolumePlugin = {
  field: 'nfs',
  from: 'both',
  directory: 'kubernetes.io~nfs',
  follows: false,
  mountOptions: true,
  async prepare({volume, persistent, directory, ...request}) {
    const source = persistent === undefined ? volume.nfs : persistent.volume.spec.nfs;
    const {server = '', path = ''} = source ?? {};
    const readOnly = persistent === undefined ? (volume.nfs?.readOnly ?? false) : request.readOnly;
    await ensureDirectory(directory, 0o750);
    const options = [...(persistent?.volume.spec.mountOptions ?? []), ...(readOnly ? ['ro'] : [])];
    await mountNfs(`${server.includes(':') ? `[${server}]` : server}:${path}`, directory, options);
    return {path: directory, readOnly};
  },
  release: ({directory}) => unmountOrForce(directory, unmountMs),
};
