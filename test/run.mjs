// `npm test`: says and installs what the tests need, then lint, types, unit tests, the build and the integration tests.
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const results = join(root, '.cache', 'results');

/** Programs of real machines that the integration tests run; Debian's names. */
const packages = [
  'binutils',
  'busybox-static',
  'ca-certificates',
  'conntrack',
  'containerd',
  'containernetworking-plugins',
  'curl',
  'dbus-daemon',
  'e2fsprogs',
  'iproute2',
  'iptables',
  'mmdebstrap',
  'mount',
  'nftables',
  'openssl',
  'procps',
  'runc',
  'strace',
  'systemd',
  'util-linux',
];

/** dpkg-query's own placeholders, not ours. */
const DPKG_FORMAT = ['$', '{Package} ', '$', '{db:Status-Abbrev}\n'].join('');

function run(title, file, args, options = {}) {
  console.log(`\n▶ ${title}`);
  const {status, signal} = spawnSync(file, args, {cwd: root, stdio: 'inherit', ...options});
  return status === 0 && signal === null;
}

function must(title, file, args, options) {
  if (run(title, file, args, options)) return;
  console.error(`\n✗ ${title}`);
  process.exit(1);
}

function installPackages() {
  const {stdout} = spawnSync('dpkg-query', ['-W', `-f=${DPKG_FORMAT}`, ...packages], {
    encoding: 'utf8',
  });
  const installed = new Set(
    (stdout ?? '')
      .split('\n')
      .filter((line) => / ii/.test(line))
      .map((line) => line.split(' ')[0]),
  );
  const missing = packages.filter((name) => !installed.has(name));
  if (missing.length === 0) return;
  console.log(`installing for the tests: ${missing.join(' ')}`);
  const env = {...process.env, DEBIAN_FRONTEND: 'noninteractive'};
  run('apt-get update', 'apt-get', ['-q', 'update'], {env, stdio: ['ignore', 'ignore', 'inherit']});
  must('apt-get install', 'apt-get', ['-q', '-y', '--no-install-recommends', 'install', ...missing], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Runs one vitest project and returns what it counted. */
function vitest(project) {
  const file = join(results, `${project}.json`);
  const ok = run(`${project} tests`, 'vitest', [
    'run',
    '--config',
    'test/vitest.config.ts',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${file}`,
  ]);
  if (!existsSync(file)) return {passed: 0, failed: 1, skipped: 0, ok: false};
  const counted = JSON.parse(readFileSync(file, 'utf8'));
  return {
    passed: counted.numPassedTests,
    // A file that cannot even be loaded has no failed test of its own.
    failed: ok ? 0 : Math.max(1, counted.numFailedTests),
    skipped: counted.numPendingTests,
    ok,
  };
}

if (process.getuid() !== 0) {
  console.error('npm test runs real containers, mounts and nftables: run it as root (sudo npm test).');
  console.error('Without root: npm run check && npm run test:unit');
  process.exit(1);
}

const started = Date.now();
rmSync(results, {recursive: true, force: true});
mkdirSync(results, {recursive: true});
installPackages();
must('lint', 'biome', ['check', '.']);
must('types', 'tsc', ['--noEmit']);
const unit = vitest('unit');
must('build', 'node', ['bin/build.mjs']);
const integration = vitest('integration');
const sum = (key) => unit[key] + integration[key];
console.log(`\n${Math.round((Date.now() - started) / 1000)} s`);
console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
process.exit(unit.ok && integration.ok ? 0 : 1);
