import {join} from 'node:path';
import {expect, it} from 'vitest';
import {createNetns} from '../support/netns.ts';
import {until} from '../support/wait.ts';
import {RunningProxy} from './support/running.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');
/** What a mistake in a callback comes to. */
const hook = 'data:text/javascript,process.once("SIGUSR2",()=>{throw new Error("a case that nobody knows")})';

it('tells an unexpected error of a daemon by its words and where it was raised, not by the line of a bundle', async () => {
  const netns = await createNetns('ndp');
  const node = [process.execPath, '--experimental-transform-types', '--no-warnings', '--import', hook];
  const program = [...node, main, 'proxy', '--config'];
  // Nobody listens there.
  const proxy = await RunningProxy.start({netns, apiPort: 1, program});
  try {
    await until('its first words', () => proxy.log.includes('"msg"'), {instead: () => proxy.log});
    process.kill(proxy.pid, 'SIGUSR2');
    expect(await proxy.ended()).toBe(1);
    const said = proxy.log.slice(proxy.log.indexOf('error ND999'));
    const [first, second, ...others] = said.split('\n');
    expect(first).toMatch(/^error ND999 /);
    expect(second).toContain('a case that nobody knows');
    expect(others.filter((line) => /^ {4}at /.test(line)).length).toBeGreaterThan(0);
    expect(proxy.log).not.toMatch(/^ *\^+$/m);
  } finally {
    await proxy.stop();
    await netns.remove();
  }
});
