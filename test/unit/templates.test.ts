import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {parse} from 'yaml';
import Join from '../../src/commands/join.ts';
import {variableOf} from '../../src/ui/environment.ts';

/** Documents for other tools: that they say what nodectl understands. Their own validators are in test/integration. */
const read = (name: string) => readFileSync(`templates/provision/${name}`, 'utf8');
const flags = Object.keys(Join.flags);

function flagsIn(text: string): string[] {
  return [...text.matchAll(/(?:^|\s)--([a-z][a-z-]+)/g)].map(([, name]) => name ?? '');
}

describe('the Vagrantfile', () => {
  const text = read('Vagrantfile');
  it('gives a join only flags that it has', () => {
    const line = text.split('\n').find((candidate) => candidate.includes('nodectl join')) ?? '';
    expect(flagsIn(line).filter((flag) => !flags.includes(flag))).toEqual([]);
    expect(flagsIn(line)).toContain('discovery-token-ca-cert-hash');
  });
  it('carries nothing from one machine to another through /vagrant, which many boxes copy one way only', () => {
    expect(text.replaceAll(/^#.*$/gm, '')).not.toMatch(/(?<!\/home)\/vagrant\//);
  });
  it('has both flavours', () => {
    expect(text).toMatch(/nodectl sandbox up/);
    expect(text).toMatch(/\(1\.\.2\)\.each/);
  });
});

describe('the cloud-init document', () => {
  const document: {
    write_files: {path: string; permissions: string; content: string}[];
    runcmd: string[][];
  } = parse(read('cloud-init.yaml'));
  it('names only variables of the join', () => {
    const names = document.write_files[0]?.content.match(/^NODECTL_\w+/gm) ?? [];
    const known = ['NODECTL_ENDPOINT', ...flags.map(variableOf)];
    expect(names.length).toBeGreaterThan(2);
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });
  it('keeps the token from others and out of every argument', () => {
    expect(document.write_files[0]?.permissions).toBe('0600');
    expect(JSON.stringify(document.runcmd)).not.toContain('abcdef.');
  });
  it('checks the binary before it is run', () => {
    const words = document.runcmd.map(([first]) => first);
    expect(words.indexOf('sha256sum')).toBeLessThan(words.indexOf('install'));
  });
});

describe('the Ansible play', () => {
  const [play]: {tasks: {environment?: object; 'ansible.builtin.command'?: {argv: string[]}}[]}[] = parse(
    read('ansible.yaml'),
  );
  it('gives a join only flags that it has, and its token by the environment', () => {
    const task = play?.tasks.find((candidate) => candidate['ansible.builtin.command'] !== undefined);
    const argv = task?.['ansible.builtin.command']?.argv ?? [];
    const used = argv.filter((word) => word.startsWith('--')).map((word) => word.slice(2));
    expect(used.filter((flag) => !flags.includes(flag))).toEqual([]);
    expect(task?.environment).toEqual({NODECTL_TOKEN: '{{ nodectl_token }}'});
    expect(argv.join(' ')).not.toContain('nodectl_token');
  });
});
