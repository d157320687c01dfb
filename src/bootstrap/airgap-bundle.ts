import {basename, dirname, resolve} from 'node:path';
import type {RuntimeSource} from '../config/runtime/runtime-source.ts';
import {makeDirectory, writeAtomic} from '../edges/files/files.ts';
import {copyProgram, removeTree} from '../edges/files/host-files.ts';
import {digestsName, packBundle, sha256OfFile} from '../edges/install/airgap.ts';
import {describePlace, fetchVerified} from '../edges/install/archives.ts';
import {findProgram} from '../edges/install/packages.ts';
import {exportImages} from '../edges/runtime/containerd.ts';
import {NodectlError} from '../lib/errors.ts';

export type BundleRequest = {
  readonly file: string;
  readonly source: RuntimeSource;
  /** Of this machine's containerd. */
  readonly images: readonly string[];
  readonly imageArchives: readonly string[];
  readonly socket: string;
  readonly program: readonly string[];
  readonly onStep: (text: string) => void;
};

/**
 * Gathers archives, images and nodectl beside the bundle's place and packs them with their digests. A join checks
 * each file against those as it reads it.
 */
export async function makeBundle(request: BundleRequest): Promise<{file: string; files: readonly string[]}> {
  const file = resolve(request.file);
  const staging = `${dirname(file)}/.nodectl-airgap.${process.pid}`;
  await makeDirectory(`${staging}/images`, 0o700);
  try {
    const files = [
      ...(await bringArchives(request, staging)),
      ...(await bringImages(request, staging)),
      ...(await bringProgram(request, staging)),
    ];
    const lines = await Promise.all(
      files.map(async (name) => `${await sha256OfFile(`${staging}/${name}`)}  ${name}\n`),
    );
    await writeAtomic(`${staging}/${digestsName}`, lines.join(''), 0o644);
    request.onStep(`pack ${file}`);
    // The digests first: a join reads them before anything else.
    await packBundle(staging, [digestsName, ...files], file);
    return {file, files};
  } finally {
    await removeTree(staging, [], false);
  }
}

async function bringArchives({source, onStep}: BundleRequest, staging: string): Promise<string[]> {
  if (source.kind !== 'archive') throw new NodectlError('ND521', 'a bundle is made of archives');
  const names: string[] = [];
  for (const archive of source.archives) {
    const name = basename(archive.name);
    onStep(`fetch ${describePlace(source.place, archive)}`);
    await fetchVerified(source.place, archive, `${staging}/${name}`);
    names.push(name);
  }
  return names;
}

async function bringImages(
  {images, imageArchives, socket, onStep}: BundleRequest,
  staging: string,
): Promise<string[]> {
  const names: string[] = [];
  for (const archive of imageArchives) {
    const name = `images/${basename(archive, '.tar')}.tar`;
    onStep(`copy ${archive}`);
    await copyProgram(resolve(archive), `${staging}/${name}`);
    names.push(name);
  }
  if (images.length === 0) return names;
  onStep(`export ${images.join(', ')}`);
  const ctr = (await findProgram('ctr')) ?? 'ctr';
  await exportImages({ctr, socket}, `${staging}/images/exported.tar`, images);
  return [...names, 'images/exported.tar'];
}

/** The single binary only: sources are no program for another machine. */
async function bringProgram({program}: BundleRequest, staging: string): Promise<string[]> {
  const [binary, ...more] = program;
  if (binary === undefined || more.length > 0) return [];
  await copyProgram(binary, `${staging}/nodectl`);
  return ['nodectl'];
}
