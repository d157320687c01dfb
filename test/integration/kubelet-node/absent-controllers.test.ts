import {resolve} from 'node:path';
import {expect, it} from 'vitest';
import {run} from '../../../src/edges/process/exec.ts';

const cgroups = resolve(import.meta.dirname, '../../../src/edges/cgroups/cgroups.ts');

/** Limits a cgroup below a cgroup2 of its own mount namespace, and says what was thrown, and what is there. */
const script = `
const {existsSync} = await import('node:fs');
const {openCgroups} = await import('${cgroups}');
const opened = await openCgroups();
const path = '/nodectl-absent-' + process.pid;
const thrown = [];
const trying = (work) => work.catch((error) => thrown.push(error.code));
await trying(opened.ensure(path, {pids: 99, hugePages: {'7MB': 0}}));
await trying(opened.setHugePages(path, {'7MB': 0}));
const made = existsSync('/sys/fs/cgroup' + path);
await opened.remove(path);
console.log(JSON.stringify({v2: opened.v2, thrown, made}));
`;

it('makes a cgroup without the limits that the kernel has no files for', async () => {
  const node = [process.execPath, '--experimental-transform-types', '--no-warnings', '--input-type=module'];
  const mounted = 'mount -t cgroup2 cgroup /sys/fs/cgroup && exec "$@"';
  const {stdout} = await run('unshare', ['--mount', 'sh', '-c', mounted, 'sh', ...node, '-e', script]);
  expect(JSON.parse(stdout)).toEqual({v2: true, thrown: [], made: true});
});
