import {readFileSync} from 'node:fs';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {run, start} from '../../../src/edges/process/exec.ts';
import {commandOf, identify, isAlive} from '../../../src/edges/process/processes.ts';
import type {ServiceManager, ServiceUnit} from '../../../src/edges/systemd/services.ts';
import {shutdownIdleSupervisor, supervisedServices} from '../../../src/edges/systemd/supervised.ts';
import {binary} from '../support/machine.ts';
import {until} from '../support/wait.ts';

let dir: string;
let services: ServiceManager;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodectl-supervisor-'));
  services = supervisedServices({dir: join(dir, 'state'), logDir: join(dir, 'log'), program: [binary]});
});
afterEach(async () => {
  for (const name of ['a', 'b']) await services.remove(name);
  await shutdownIdleSupervisor(join(dir, 'state'));
  await rm(dir, {recursive: true, force: true});
});

function unit(name: string, script: string, more: Partial<ServiceUnit> = {}): ServiceUnit {
  return {
    name,
    description: name,
    argv: ['/bin/sh', '-c', script],
    env: {NODECTL_REVISION: 'r1'},
    restart: 'always',
    notify: false,
    killMode: 'group',
    stopTimeoutMs: 1000,
    template: '',
    ...more,
  };
}

async function pidOf(name: string): Promise<number> {
  return until(`${name} runs`, async () => (await services.status(name)).pid);
}

async function supervisor(): Promise<number> {
  const {stdout} = await run('pgrep', ['-f', `supervise --dir ${dir}/state`]);
  return Number(stdout.trim());
}

describe('the supervised mode', () => {
  it('starts a daemon in its own session, with its environment and its log', async () => {
    await services.install(unit('a', 'echo "revision $NODECTL_REVISION"; exec sleep 1000'));
    await services.start('a');
    const status = await services.status('a');
    expect(status).toMatchObject({
      installed: true,
      enabled: true,
      running: true,
      revision: 'r1',
      restarts: 0,
    });
    const session = readFileSync(`/proc/${status.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
    expect(Number(session)).toBe(status.pid);
    await until('its words are in the log', async () => (await services.log('a', 1))[0] === 'revision r1');
  });

  it('starts it again when it ends, and says how it ended', async () => {
    await services.install(unit('a', 'exec sleep 1000'));
    await services.start('a');
    const first = await pidOf('a');
    process.kill(first, 'SIGKILL');
    await until('another runs', async () => {
      const {pid, restarts, lastExit} = await services.status('a');
      return pid !== undefined && pid !== first && restarts === 1 && lastExit === 'SIGKILL';
    });
  });

  it('finds everything as it was after it was killed itself', async () => {
    await services.install(unit('a', 'exec sleep 1000'));
    await services.start('a');
    const daemon = await pidOf('a');
    const killed = await supervisor();
    process.kill(killed, 'SIGKILL');
    await until('the supervisor is gone', async () => (await identify(killed)) === undefined);
    expect((await services.status('a')).pid).toBe(daemon);
    await services.start('a');
    expect(await supervisor()).not.toBe(killed);
    expect(await pidOf('a')).toBe(daemon);
    process.kill(daemon, 'SIGKILL');
    await until('the adopted daemon is started again', async () => {
      const {pid} = await services.status('a');
      return pid !== undefined && pid !== daemon;
    });
  });

  it('finds a daemon that was started in its last moment', async () => {
    await services.install(unit('a', 'exec sleep 1000', {argv: ['/bin/sleep', '1000']}));
    await services.start('a');
    const daemon = await pidOf('a');
    process.kill(await supervisor(), 'SIGKILL');
    await rm(join(dir, 'state/runs/a.json'));
    await services.start('a');
    expect(await pidOf('a')).toBe(daemon);
  });

  it('starts a daemon again, and only once, where nothing can be noted on a full disk', async () => {
    const state = join(dir, 'state');
    await mkdir(state);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', state]);
    try {
      await services.install(unit('a', '', {argv: ['/bin/sleep', '104729']}));
      await services.start('a');
      const first = await pidOf('a');
      await run('dd', ['if=/dev/zero', `of=${state}/fill`, 'bs=4k'], {okCodes: [1]});
      process.kill(first, 'SIGKILL');
      const second = await until('another runs', async () => {
        const {pid} = await services.status('a');
        return pid !== first && pid;
      });
      process.kill(second, 'SIGKILL');
      await until('a third runs', async () => {
        const {pid} = await services.status('a');
        return pid !== second && pid;
      });
      // A supervisor that is started then, as after a boot, takes over what runs and starts what does not.
      process.kill(await supervisor(), 'SIGKILL');
      await services.start('a');
      process.kill(await pidOf('a'), 'SIGKILL');
      await services.restart('a');
      const {stdout} = await run('pgrep', ['-f', '^/bin/sleep 104729$']);
      expect(stdout.trim().split('\n')).toHaveLength(1);
      await rm(join(state, 'fill'));
      await services.remove('a');
      await shutdownIdleSupervisor(state);
    } finally {
      await run('pkill', ['-f', '^/bin/sleep 104729$'], {okCodes: [0, 1]});
      await run('umount', ['--lazy', state]);
    }
  });

  it('ends what does not want to, with all that it started', async () => {
    await services.install(unit('a', 'trap "" TERM; sleep 1001 & while :; do sleep 1002; done'));
    await services.start('a');
    const daemon = await pidOf('a');
    const inside = async () => (await run('pgrep', ['-s', String(daemon)], {okCodes: [0, 1]})).stdout;
    await until('its child runs', async () => (await inside()).split('\n').length > 1);
    await services.stop('a');
    expect((await services.status('a')).running).toBe(false);
    await until('its session is empty', async () => (await inside()) === '');
  });

  it('lets what a daemon started outlive it where that is wanted', async () => {
    await services.install(unit('a', 'setsid sleep 1003 & exec sleep 1000', {killMode: 'process'}));
    await services.start('a');
    const find = async () => (await run('pgrep', ['-f', '^sleep 1003$'], {okCodes: [0, 1]})).stdout.trim();
    const pid = Number(await until('the child runs', find));
    const child = await identify(pid);
    try {
      await services.stop('a');
      expect(child !== undefined && (await isAlive(child))).toBe(true);
      expect(await commandOf(pid)).toEqual(['sleep', '1003']);
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });

  it('starts in order and restarts with what changed', async () => {
    await services.install(unit('a', 'exec sleep 1000'));
    await services.install(unit('b', 'exec sleep 1000', {after: ['a']}));
    await services.start('a');
    await services.start('b');
    const [a, b] = [await pidOf('a'), await pidOf('b')];
    await services.install(unit('b', 'exec sleep 1000', {after: ['a'], env: {NODECTL_REVISION: 'r2'}}));
    await services.restart('b');
    expect(await services.status('b')).toMatchObject({running: true, revision: 'r2', restarts: 0});
    expect(await pidOf('a')).toBe(a);
    expect(await pidOf('b')).not.toBe(b);
  });

  it('is alone in its directory', async () => {
    await services.install(unit('a', 'exec sleep 1000'));
    await services.start('a');
    const {exitCode, stderr} = await run(binary, ['supervise', '--dir', join(dir, 'state')], {okCodes: [75]});
    expect(exitCode).toBe(75);
    expect(stderr).toContain('ND905');
  });

  it('says why a daemon cannot be started', async () => {
    await services.install(unit('a', '', {argv: ['/nonexistent/daemon']}));
    await expect(services.start('a')).rejects.toMatchObject({
      code: 'ND702',
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('does not wait for a daemon that ends at once', async () => {
    await services.install(unit('a', 'echo why; exit 3', {stopTimeoutMs: 600_000}));
    for (const ask of ['start', 'restart'] as const) {
      await services[ask]('a');
      await until(`after a ${ask} its end is known`, async () => {
        return (await services.status('a')).lastExit === 'exit 3';
      });
    }
    expect(await services.log('a', 1)).toEqual(['why']);
  });

  it('does not mistake another process for its daemon', async () => {
    await services.install(unit('a', 'exec sleep 1000'));
    await services.start('a');
    const stranger = start('sleep', ['1004']);
    try {
      const known = {...(await identify(stranger.pid ?? 0)), startTime: '1'};
      await services.stop('a');
      await writeFile(join(dir, 'state/runs/a.json'), JSON.stringify({process: known, starts: 1}));
      expect((await services.status('a')).running).toBe(false);
      await services.start('a');
      expect(await pidOf('a')).not.toBe(stranger.pid);
    } finally {
      stranger.kill('SIGKILL');
      await stranger;
    }
  });
});
