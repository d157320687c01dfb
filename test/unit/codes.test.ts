import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {catalogue} from '../../src/lib/codes/catalogue.ts';
import {codesTable} from '../../src/lib/codes/table.ts';

const sources = readdirSync('src', {recursive: true, withFileTypes: true})
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('lib/codes'))
  .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
  .join('\n');

describe('every code', () => {
  it.each(Object.entries(catalogue))('%s has a cause and a command, and somebody gives it', (code, entry) => {
    expect(entry.title).toMatch(/\S/);
    expect(entry.why).toMatch(/\.$/);
    expect(entry.fix.length).toBeGreaterThan(0);
    expect(sources.includes(`'${code}'`), `${code} is given somewhere`).toBe(true);
  });

  it('that is given has an entry', () => {
    const given = new Set(sources.match(/(?<=['"])ND\d{3}(?=['"])/g) ?? []);
    expect([...given].filter((code) => !(code in catalogue))).toEqual([]);
  });
});

describe('the table of codes', () => {
  it('has each of them once', () => {
    const rows = codesTable().match(/^\| ND\d{3} /gm) ?? [];
    expect(rows).toHaveLength(Object.keys(catalogue).length);
  });

  const readme = readFileSync('README.md', 'utf8');
  const [, shown] = /<!-- codes -->\n([\s\S]*?)\n<!-- \/codes -->/.exec(readme) ?? [];
  it.runIf(shown !== undefined)('is README’s', () => {
    expect(shown?.trim()).toBe(codesTable());
  });
});
