import {afterEach, describe, expect, it, vi} from 'vitest';
import {run, understood} from '../../../src/edges/process/exec.ts';

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
