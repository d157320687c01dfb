// Makes dist/images/{pause,hello}.tar: OCI archives built from sources in templates/images and Debian's busybox-static.
// Deterministic: the same inputs give the same bytes.
import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';

const root = new URL('..', import.meta.url).pathname;
const architectures = {x64: 'amd64', arm64: 'arm64'};

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** One ustar entry; `link` makes a symlink, a name ending in / a directory. */
function tarEntry(name, content = Buffer.alloc(0), {mode = 0o644, link} = {}) {
  const header = Buffer.alloc(512);
  const type = link === undefined ? (name.endsWith('/') ? '5' : '0') : '2';
  header.write(name, 0, 100);
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  for (const at of [108, 116]) header.write('0000000\0', at);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(type, 156);
  if (link !== undefined) header.write(link, 157, 100);
  header.write('ustar\x0000', 257);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

const tar = (entries) => Buffer.concat([...entries, Buffer.alloc(1024)]);

/** An OCI archive with one layer, named so that `ctr images import` knows its reference. */
function ociArchive(reference, layer, config, arch) {
  const blobs = [];
  const blob = (mediaType, bytes) => {
    const digest = sha256(bytes);
    blobs.push(tarEntry(`blobs/sha256/${digest}`, bytes));
    return {mediaType, digest: `sha256:${digest}`, size: bytes.length};
  };
  const json = (value) => Buffer.from(JSON.stringify(value));
  const layerBlob = blob('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(layer, {level: 9}));
  const configBlob = blob(
    'application/vnd.oci.image.config.v1+json',
    json({
      architecture: architectures[arch],
      os: 'linux',
      config,
      rootfs: {type: 'layers', diff_ids: [`sha256:${sha256(layer)}`]},
    }),
  );
  const manifest = blob(
    'application/vnd.oci.image.manifest.v1+json',
    json({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: configBlob,
      layers: [layerBlob],
    }),
  );
  const annotations = {'io.containerd.image.name': reference, 'org.opencontainers.image.ref.name': reference};
  return tar([
    tarEntry('oci-layout', json({imageLayoutVersion: '1.0.0'})),
    tarEntry('index.json', json({schemaVersion: 2, manifests: [{...manifest, annotations}]})),
    ...blobs,
  ]);
}

/** The static pause program, assembled and linked from templates/images. */
function pauseProgram(arch, work) {
  const prefix = arch === process.arch ? '' : arch === 'arm64' ? 'aarch64-linux-gnu-' : 'x86_64-linux-gnu-';
  execFileSync(`${prefix}as`, ['-o', join(work, 'pause.o'), join(root, `templates/images/pause-${arch}.s`)]);
  execFileSync(`${prefix}ld`, [
    '-static',
    '-nostdlib',
    '-s',
    '-z',
    'noseparate-code',
    '-o',
    join(work, 'pause'),
    join(work, 'pause.o'),
  ]);
  return readFileSync(join(work, 'pause'));
}

/** Debian's static busybox, taken out of its package without installing it. */
function busyboxProgram(arch, work) {
  const wanted = arch === process.arch ? 'busybox-static' : `busybox-static:${architectures[arch]}`;
  const download = () =>
    execFileSync('apt-get', ['-q', 'download', wanted], {cwd: work, stdio: ['ignore', 'ignore', 'pipe']});
  try {
    download();
  } catch (error) {
    if (process.getuid() !== 0) throw error;
    console.log('images: package lists are missing or old; apt-get update');
    execFileSync('apt-get', ['-q', 'update'], {stdio: ['ignore', 'ignore', 'inherit']});
    download();
  }
  const deb = readdirSync(work).find((name) => name.startsWith('busybox-static') && name.endsWith('.deb'));
  execFileSync('dpkg-deb', ['-x', join(work, deb), join(work, 'busybox')]);
  const path = ['bin/busybox', 'usr/bin/busybox']
    .map((p) => join(work, 'busybox', p))
    .find((p) => existsSync(p));
  return readFileSync(path);
}

const applets =
  '[ arp ash awk base64 basename cat chgrp chmod chown clear cp cut date dd df dirname du echo env expr false find free grep head ' +
  'hostname httpd id ip kill ln ls md5sum mkdir mktemp mount mv nc netstat nslookup od ping printf ps pwd readlink rm rmdir sed seq ' +
  'sh sha256sum sleep sort stat sync tail tee test time timeout top touch tr traceroute true umount uname uniq uptime vi wc wget ' +
  'which whoami xargs yes';

function busyboxLayer(program) {
  return tar([
    tarEntry('bin/', undefined, {mode: 0o755}),
    tarEntry('bin/busybox', program, {mode: 0o755}),
    ...applets.split(' ').map((name) => tarEntry(`bin/${name}`, undefined, {mode: 0o777, link: 'busybox'})),
    tarEntry('bin/hello', readFileSync(join(root, 'templates/images/hello.sh')), {mode: 0o755}),
    tarEntry('etc/', undefined, {mode: 0o755}),
    tarEntry(
      'etc/passwd',
      Buffer.from('root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'),
    ),
    tarEntry('etc/group', Buffer.from('root:x:0:\nnogroup:x:65534:\n')),
    tarEntry('tmp/', undefined, {mode: 0o1777}),
  ]);
}

/** Writes both archives for `arch` (x64 or arm64) into `out`. */
export function makeImages(arch, out) {
  mkdirSync(out, {recursive: true});
  const work = mkdtempSync(join(tmpdir(), 'nodectl-images-'));
  try {
    const pause = tar([tarEntry('pause', pauseProgram(arch, work), {mode: 0o755})]);
    writeFileSync(
      join(out, 'pause.tar'),
      ociArchive(
        'nodectl.local/pause:1',
        pause,
        {Entrypoint: ['/pause'], User: '65535:65535', WorkingDir: '/'},
        arch,
      ),
    );
    const hello = busyboxLayer(busyboxProgram(arch, work));
    const helloConfig = {
      Entrypoint: ['/bin/hello'],
      Env: ['PATH=/bin'],
      ExposedPorts: {'8080/tcp': {}},
      WorkingDir: '/',
    };
    writeFileSync(join(out, 'hello.tar'), ociArchive('nodectl.local/hello:1', hello, helloConfig, arch));
  } finally {
    rmSync(work, {recursive: true});
  }
}
