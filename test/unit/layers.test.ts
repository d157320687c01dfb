import {readdirSync, readFileSync} from 'node:fs';
import {dirname, join, relative, resolve} from 'node:path';
import {describe, expect, it} from 'vitest';

const root = resolve(import.meta.dirname, '../../src');

/** Which folders of src a folder may import from, itself aside. Type imports count. */
const law: Readonly<Record<string, readonly string[]>> = {
  main: ['commands', 'ui', 'lib', 'edges'],
  commands: ['ui', 'bootstrap', 'sandbox', 'kubelet', 'proxy', 'checks', 'edges', 'config', 'lib'],
  ui: ['lib'],
  bootstrap: ['checks', 'edges', 'config', 'lib'],
  sandbox: ['edges', 'config', 'lib'],
  kubelet: ['edges', 'config', 'lib'],
  proxy: ['edges', 'config', 'lib'],
  checks: ['edges', 'config', 'lib'],
  edges: ['config', 'lib'],
  config: ['lib'],
  lib: [],
};

/** Only edges touch the world (and `main`, which starts the process). */
const effects = [
  'execa',
  'node:fs',
  'node:fs/promises',
  'node:child_process',
  'node:net',
  'node:tls',
  'node:http',
  'node:https',
  'node:http2',
  'node:dgram',
  'node:dns',
  'node:sqlite',
  'undici',
  'ws',
];

const files = readdirSync(root, {recursive: true, encoding: 'utf8'})
  .filter((f) => f.endsWith('.ts'))
  .map((f) => join(root, f));
const importPattern =
  /(?:^|[\s;}])(?:import|export)\s+(?:type\s+)?(?:[\w*\s{},$]+?\s+from\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/gm;

function importsOf(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(importPattern)].map((m) => m[1] ?? m[2] ?? '');
}

function layerOf(file: string): string {
  const path = relative(root, file);
  return path.includes('/') ? (path.split('/')[0] ?? '') : 'main';
}

const graph = new Map(
  files.map((file) => [
    file,
    importsOf(file)
      .filter((to) => to.startsWith('.'))
      .map((to) => resolve(dirname(file), to))
      // package.json, which main reads its version from, is no layer.
      .filter((to) => to.startsWith(`${root}/`)),
  ]),
);

describe('the import law', () => {
  it('finds imports at all', () => {
    expect(files.length).toBeGreaterThan(10);
    expect([...graph.values()].flat().length).toBeGreaterThan(10);
  });

  it('lets a folder import only what the layer table allows', () => {
    const broken: string[] = [];
    for (const [file, targets] of graph)
      for (const target of targets) {
        const [from, to] = [layerOf(file), layerOf(target)];
        if (from !== to && !law[from]?.includes(to))
          broken.push(`${relative(root, file)} → ${relative(root, target)}`);
      }
    expect(broken).toEqual([]);
  });

  it('keeps effects in edges (type-only imports aside)', () => {
    const broken: string[] = [];
    for (const file of files) {
      if (['edges', 'main', 'sandbox', 'ui'].includes(layerOf(file))) continue;
      const text = readFileSync(file, 'utf8').replace(/import type [^;]+;/g, '');
      for (const name of effects)
        if (new RegExp(`from ['"]${name}['"]|import\\(['"]${name}['"]\\)`).test(text))
          broken.push(`${relative(root, file)} imports ${name}`);
    }
    expect(broken).toEqual([]);
  });

  it('has no import cycles', () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) {
        cycles.push([...path.slice(path.indexOf(file)), file].map((f) => relative(root, f)).join(' → '));
        return;
      }
      if (done.has(file)) return;
      for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});
