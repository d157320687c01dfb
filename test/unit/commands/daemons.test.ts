import {readFileSync} from 'node:fs';
import {dirname, join, resolve} from 'node:path';
import {describe, expect, it} from 'vitest';
import {plainValues} from '../../../src/commands/daemons/flags.ts';
import {plainDaemon} from '../../../src/commands/daemons/index.ts';
import {daemon as kubelet} from '../../../src/commands/daemons/kubelet.ts';
import {daemon as proxy} from '../../../src/commands/daemons/proxy.ts';
import {daemon as supervisor} from '../../../src/commands/daemons/supervisor.ts';

const src = resolve(import.meta.dirname, '../../../src');

/** What is loaded with a file: `import(…)` is not followed. */
function loadedWith(
  file: string,
  seen = new Map<string, readonly string[]>(),
): Map<string, readonly string[]> {
  if (seen.has(file)) return seen;
  const text = readFileSync(file, 'utf8').replace(/^(import|export) type [^;]+;/gm, '');
  const names = [...text.matchAll(/^(?:import|export)[^;'"]*?['"]([^'"]+)['"]/gm)].map(
    ([, name = '']) => name,
  );
  seen.set(file, names);
  for (const name of names) if (name.startsWith('.')) loadedWith(join(dirname(file), name), seen);
  return seen;
}

describe('a daemon', () => {
  it.each([
    'main.ts',
    'commands/daemons/kubelet.ts',
    'commands/daemons/proxy.ts',
    'commands/daemons/supervisor.ts',
  ])('does not load oclif, or other commands, with %s', (file) => {
    const loaded = loadedWith(join(src, file));
    expect(loaded.size).toBeGreaterThan(1);
    expect([...loaded.values()].flat()).not.toContain('@oclif/core');
  });

  it('is what the words of its unit start; other commands are oclif’s', async () => {
    expect(await plainDaemon(['proxy', '--config=/etc/p'])).toBeTypeOf('function');
    expect(await plainDaemon(['supervise', '--dir', '/run/n'])).toBeTypeOf('function');
    for (const words of [[], ['status'], ['toString'], ['supervise'], ['kubelet', '--help']])
      expect(await plainDaemon(words), words.join(' ')).toBeUndefined();
  });
});

describe('a plain command line', () => {
  it.each<[string, typeof kubelet, string[], object]>([
    ['flags with =', kubelet, ['--config=/a', '--v=2'], {config: '/a', v: 2}],
    ['flags with a word', kubelet, ['--root-dir', '/b', '-v', '4'], {'root-dir': '/b', v: 4}],
    ['switches', proxy, ['--masquerade-all', '--cleanup'], {'masquerade-all': 'true', cleanup: 'true'}],
    ['lists that add up', kubelet, ['--node-labels=a=1', '--node-labels=b=2'], {'node-labels': 'a=1,b=2'}],
    ['one of some words', kubelet, ['--cloud-provider=external'], {'cloud-provider': 'external'}],
    ['numbers below zero', proxy, ['--conntrack-min=-1'], {'conntrack-min': -1}],
    ['text of several lines', kubelet, ['--node-ip=a\nb'], {'node-ip': 'a\nb'}],
    ['underscores', kubelet, ['--node_ip=10.0.0.1'], {'node-ip': '10.0.0.1'}],
    ['nothing', proxy, [], {}],
  ])('has %s', (_, daemon, words, expected) => {
    expect(plainValues(words, daemon)).toEqual(expected);
  });

  it.each<[string, typeof kubelet, string[]]>([
    ['help', kubelet, ['--config=/a', '--help']],
    ['help in the place of a value', proxy, ['--config', '--help']],
    ['the version', kubelet, ['--version=raw']],
    ['an unknown flag', kubelet, ['--nonsense=1']],
    ['a name of every object', proxy, ['--to-string=1', '--constructor=1']],
    ['words', proxy, ['cleanup']],
    ['a number that is none', kubelet, ['--v=much']],
    ['another word than those it may be', kubelet, ['--cloud-provider=acme']],
    ['no value', kubelet, ['--config=']],
    ['no value at its end', kubelet, ['--config']],
    ['a lack', supervisor, []],
  ])('is left to oclif with %s', (_, daemon, words) => {
    expect(plainValues(words, daemon)).toBeUndefined();
  });
});
