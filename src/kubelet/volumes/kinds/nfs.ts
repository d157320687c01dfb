import {ensureDirectory} from '../../../edges/files/trees.ts';
import {mountNfs, unmountOrForce} from '../../../edges/mounts/volume-mounts.ts';
import {Serial} from '../../../lib/control/serial.ts';
import type {VolumePlugin} from '../types.ts';

/** Kubernetes' patience with a server that is away (pkg/volume/nfs). */
const unmountMs = 60_000;

/** A pod may name one claim twice: it has one place. */
const mounting = new Serial();

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
    const share = `${server.includes(':') ? `[${server}]` : server}:${path}`;
    await mounting.run(directory, () => mountNfs(share, directory, options));
    return {path: directory, readOnly};
  },
  release: ({directory}) => unmountOrForce(directory, unmountMs),
};
