import {createHash} from 'node:crypto';
import {mkdirSync, writeFileSync} from 'node:fs';
import {resolve} from 'node:path';
import {start} from '../../../src/edges/process/exec.ts';
import {busyboxFiles} from './images.ts';
import type {Netns} from './netns.ts';
import {tar} from './tar.ts';
import {until} from './wait.ts';

export const registryHost = '127.0.0.1:5000';

export type TestRegistry = {
  /** Repositories whose manifest was given out, in order. */
  readonly given: readonly string[];
  stop(): void;
};

/** A registry on the loopback of a namespace; each repository has busybox, and may want a login (`name:password`). */
export async function startRegistry(
  dir: string,
  netns: Netns,
  repositories: Readonly<Record<string, string | undefined>>,
): Promise<TestRegistry> {
  mkdirSync(dir, {recursive: true});
  const put = (data: Uint8Array | string) => {
    const digest = `sha256:${createHash('sha256').update(data).digest('hex')}`;
    writeFileSync(`${dir}/${digest}`, data);
    return {digest, size: Buffer.byteLength(data)};
  };
  const layer = put(tar(busyboxFiles()));
  const images = Object.entries(repositories).map(([repository, login]) => [
    repository,
    {manifest: put(manifest(repository, layer, put)).digest, login},
  ]);
  writeFileSync(`${dir}/images.json`, JSON.stringify(Object.fromEntries(images)));
  const given: string[] = [];
  const script = resolve(import.meta.dirname, 'registry.mjs');
  const child = start('nsenter', [`--net=${netns.path}`, process.execPath, script, dir, '5000']);
  child.stdout.on('data', (bytes: Buffer) => given.push(...bytes.toString().trim().split('\n')));
  child.stderr.resume();
  await until('the registry listens', () => given.shift() === 'listening');
  return {given, stop: () => void child.kill('SIGKILL')};
}

type Blob = {readonly digest: string; readonly size: number};

/** Each repository has an image of its own, though of the same layer. */
function manifest(repository: string, layer: Blob, put: (data: string) => Blob): string {
  const config = put(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: {Env: ['PATH=/bin'], Labels: {repository}},
      rootfs: {type: 'layers', diff_ids: [layer.digest]},
    }),
  );
  const type = 'application/vnd.oci.image';
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: `${type}.manifest.v1+json`,
    config: {mediaType: `${type}.config.v1+json`, ...config},
    layers: [{mediaType: `${type}.layer.v1.tar`, ...layer}],
  });
}
