import {afterAll, expect, it} from 'vitest';
import {createLan, type Lan} from './machine.ts';

let lan: Lan | undefined;
afterAll(() => lan?.remove());

it('gives fresh machines that install packages without a network', async () => {
  lan = await createLan();
  const one = await lan.machine('one');
  expect((await one.run('hostname')).stdout).toBe('one');
  await one.run('apt-get', ['-q', '-y', '--no-install-recommends', 'install', 'nftables']);
  expect((await one.run('nft', ['list', 'ruleset'])).stdout).toBe('');
  expect((await one.nodectl(['--version'])).stdout).toContain('nodectl/');
});
