import {createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {run} from '../../../src/edges/process/exec.ts';
import {type TarEntry, tar} from './tar.ts';

export const busyboxImage = 'test.local/busybox:1';
export const pauseImage = 'test.local/pause:1';

export type ImageDraft = {
  readonly name: string;
  readonly files: readonly TarEntry[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly user?: string;
  readonly env?: readonly string[];
  readonly workingDir?: string;
  readonly volumes?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
};

const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex');

/** A docker archive (`manifest.json`, config, one layer), as `ctr images import` and `docker load` take it. */
export function dockerArchive(draft: ImageDraft): Buffer {
  const layer = tar(draft.files);
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: {
      Entrypoint: draft.entrypoint,
      Cmd: draft.command,
      User: draft.user ?? '',
      WorkingDir: draft.workingDir ?? '/',
      Env: draft.env ?? ['PATH=/bin'],
      Volumes: Object.fromEntries((draft.volumes ?? []).map((path) => [path, {}])),
      Labels: draft.labels ?? {},
    },
    rootfs: {type: 'layers', diff_ids: [`sha256:${sha256(layer)}`]},
    history: [],
  });
  const configName = `${sha256(config)}.json`;
  const layerName = `${sha256(layer)}/layer.tar`;
  return tar([
    {path: configName, data: config},
    {path: layerName, data: layer},
    {
      path: 'manifest.json',
      data: JSON.stringify([{Config: configName, RepoTags: [draft.name], Layers: [layerName]}]),
    },
  ]);
}

const applets =
  'sh sleep cat echo ls true false env id mkdir rm touch wget nc httpd nslookup ps kill hostname stat head tail date ip mount umount dd test sync printf grep chmod wc sort'.split(
    ' ',
  );

/** busybox-static with its applets, a root user and the usual directories. */
export function busyboxFiles(): readonly TarEntry[] {
  return [
    {path: 'bin/'},
    {path: 'etc/'},
    {path: 'tmp/', mode: 0o1777},
    {path: 'var/'},
    {path: 'root/', mode: 0o700},
    {path: 'bin/busybox', mode: 0o755, data: readFileSync('/bin/busybox')},
    ...applets.map((name) => ({path: `bin/${name}`, link: 'busybox'})),
    {
      path: 'etc/passwd',
      data: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    },
    {path: 'etc/group', data: 'root:x:0:\nnogroup:x:65534:\n'},
  ];
}

/** Puts an image into containerd's k8s.io namespace. */
export async function importImage(socket: string, draft: ImageDraft): Promise<void> {
  const input = dockerArchive(draft);
  await run('ctr', ['--address', socket, '-n', 'k8s.io', 'images', 'import', '-'], {input});
}

/** The images that nearly every test wants: a shell, and something that only sleeps. */
export async function importTestImages(socket: string): Promise<void> {
  const files = busyboxFiles();
  await importImage(socket, {name: pauseImage, files, entrypoint: ['/bin/busybox', 'sleep', '2147483647']});
  await importImage(socket, {name: busyboxImage, files, command: ['sh']});
}
