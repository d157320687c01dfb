import {afterEach, describe, expect, it, vi} from 'vitest';
import {understood} from '../../../src/edges/process/child-environment.ts';
import {run} from '../../../src/edges/process/run.ts';
import {describeError} from '../../../src/lib/errors.ts';

afterEach(() => vi.unstubAllEnvs());

describe('programs', () => {
  it.each([
    [undefined, '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ['/usr/bin:/bin', '/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin'],
    ['/opt/mine::/sbin', '/opt/mine:/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/bin'],
  ])('are found in the system’s directories after those of PATH=%s', (given, expected) => {
    expect(understood(given).PATH).toBe(expected);
  });

  it('answer in English where the user speaks German, and found without a PATH', async () => {
    vi.stubEnv('LC_ALL', 'de_DE.UTF-8');
    vi.stubEnv('PATH', undefined);
    const {stdout} = await run('env');
    expect(stdout).toMatch(/^LC_ALL=C$/m);
    expect(stdout).toMatch(/^PATH=.*\/usr\/sbin/m);
  });

  it('may be given an environment of their own', async () => {
    const {stdout} = await run('env', [], {env: {LC_ALL: 'C.UTF-8', MINE: '1'}});
    expect(stdout).toMatch(/^LC_ALL=C\.UTF-8$/m);
    expect(stdout).toMatch(/^MINE=1$/m);
  });
});

describe('a program that is run to its end', () => {
  const sh = (script: string, options: Parameters<typeof run>[2] = {}) => run('sh', ['-c', script], options);

  it('is told by its outputs without their last line break, and by its exit code', async () => {
    expect(await sh('echo one; echo two; echo three >&2')).toEqual({
      exitCode: 0,
      stdout: 'one\ntwo',
      stderr: 'three',
    });
    expect(await sh('exit 3', {okCodes: [0, 3]})).toMatchObject({exitCode: 3});
  });

  it('reads what it is given, and need not read all', async () => {
    expect((await run('cat', [], {input: 'grüße'})).stdout).toBe('grüße');
    expect((await run('true', [], {input: 'x'.repeat(1 << 20)})).exitCode).toBe(0);
  });

  it.each([
    ['its last words', () => sh('echo why >&2; exit 4'), /^sh -c echo why.*: exit 4\nwhy$/s],
    ['the signal that ended it', () => sh('kill -9 $$'), /: SIGKILL$/],
    ['that it is not there', () => run('no-such-program'), /^no-such-program: spawn no-such-program ENOENT$/],
    ['that it took too long', () => run('sleep', ['60'], {timeoutMs: 50}), /^sleep 60: took too long$/],
    ['that it said too much', () => sh('yes', {maxBuffer: 100}), /^sh -c yes: said more than 100 characters/],
  ])('fails with %s', async (_, ending, words) => {
    await expect(ending()).rejects.toMatchObject({code: 'ND903', message: expect.stringMatching(words)});
  });

  it('ends with the reason of who gave it up, before its start too', async () => {
    const reason = new Error('enough');
    const end = new AbortController();
    const slow = run('sleep', ['60'], {signal: end.signal});
    end.abort(reason);
    await expect(slow).rejects.toBe(reason);
    await expect(run('true', [], {signal: end.signal})).rejects.toBe(reason);
  });

  it('is waited for until its own children have closed its output', async () => {
    expect((await sh('(cat; echo late) & echo first', {input: ''})).stdout.split('\n').sort()).toEqual([
      'first',
      'late',
    ]);
  });

  it('is not waited for so long when it took too long', async () => {
    const failed: unknown = await sh('sleep 600 & echo $!; wait', {timeoutMs: 1500}).catch((error) => error);
    const [, pid] = /: took too long\n(\d+)$/.exec(describeError(failed)) ?? [];
    expect(pid).toBeDefined();
    process.kill(Number(pid));
  });
});
