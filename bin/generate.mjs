// Writes the TypeScript of one of the interfaces that we speak:
//   npm run generate -- path/to/cri-api/pkg/apis/runtime/v1/api.proto src/edges/cri/gen
//   npm run generate -- path/to/container-storage-interface/csi.proto src/edges/csi/gen csi.v1.Node csi.v1.Identity
// With names after the directory, only those services and what they need. The proto itself is not kept here; comments
// are left out, so that only the interface's facts are.
import {execFileSync} from 'node:child_process';
import {copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';

const [proto, target, ...services] = process.argv.slice(2);
if (proto === undefined || target === undefined) {
  console.error('usage: npm run generate -- path/to/file.proto src/edges/.../gen [service...]');
  process.exit(2);
}
const dir = mkdtempSync(join(tmpdir(), 'nodectl-generate-'));
try {
  const buf = (...args) => execFileSync('buf', args, {cwd: dir, stdio: 'inherit'});
  copyFileSync(proto, join(dir, basename(proto)));
  writeFileSync(join(dir, 'buf.yaml'), 'version: v2\nmodules: [{path: .}]\n');
  writeFileSync(
    join(dir, 'buf.gen.yaml'),
    'version: v2\nplugins: [{local: protoc-gen-es, out: gen, opt: [target=ts, import_extension=ts]}]\n',
  );
  const only = services.flatMap((service) => ['--type', service]);
  buf('build', '--exclude-source-info', ...only, '-o', 'image.binpb');
  buf('generate', 'image.binpb');
  cpSync(join(dir, 'gen'), new URL(`../${target}`, import.meta.url).pathname, {recursive: true});
} finally {
  rmSync(dir, {recursive: true});
}
