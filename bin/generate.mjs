// Writes src/edges/cri/gen from the CRI's api.proto:  npm run generate -- path/to/cri-api/pkg/apis/runtime/v1/api.proto
// The proto itself is not kept here; comments are left out, so that only the interface's facts are.
import {execFileSync} from 'node:child_process';
import {copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const proto = process.argv[2];
if (proto === undefined) {
  console.error('usage: npm run generate -- path/to/api.proto');
  process.exit(2);
}
const dir = mkdtempSync(join(tmpdir(), 'nodectl-generate-'));
try {
  const buf = (...args) => execFileSync('buf', args, {cwd: dir, stdio: 'inherit'});
  copyFileSync(proto, join(dir, 'api.proto'));
  writeFileSync(join(dir, 'buf.yaml'), 'version: v2\nmodules: [{path: .}]\n');
  writeFileSync(
    join(dir, 'buf.gen.yaml'),
    'version: v2\nplugins: [{local: protoc-gen-es, out: gen, opt: [target=ts, import_extension=ts]}]\n',
  );
  buf('build', '--exclude-source-info', '-o', 'image.binpb');
  buf('generate', 'image.binpb');
  cpSync(join(dir, 'gen'), new URL('../src/edges/cri/gen', import.meta.url).pathname, {recursive: true});
} finally {
  rmSync(dir, {recursive: true});
}
