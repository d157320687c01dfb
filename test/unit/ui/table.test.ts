import {expect, it} from 'vitest';
import {table} from '../../../src/ui/table.ts';

const head = ['POD', 'AGE', 'IMAGE', 'ID'];
const rows = [['hello-b8cmzvf6bz-rhfd5', '53m', 'registry.example.com/team/hello:1', '0c00b29306f4']];

it.each([
  ['a file', undefined, 'hello-b8cmzvf6bz-rhfd5   53m   registry.example.com/team/hello:1   0c00b29306f4'],
  ['a wide terminal', 120, 'hello-b8cmzvf6bz-rhfd5   53m   registry.example.com/team/hello:1   0c00b29306f4'],
  ['a terminal without room for IDs', 70, 'hello-b8cmzvf6bz-rhfd5  53m  registry.example.com/team/hello:1'],
  ['a narrow terminal', 50, 'hello-b8cmzvf6bz-rhfd5  53m  …ple.com/team/hello:1'],
  ['a terminal without room for what tells an image', 40, 'hello-b8cmzvf6bz-rhfd5  53m'],
  ['a serial console', 0, 'hello-b8cmzvf6bz-rhfd5   53m   registry.example.com/team/hello:1   0c00b29306f4'],
])('prints for %s', (_, columns, expected) => {
  const [, line = ''] = table(head, rows, columns).split('\n');
  expect(line).toBe(expected);
  if (columns !== undefined && columns > 0) expect(line.length).toBeLessThanOrEqual(columns);
});

it('has but its head when there is nothing', () => {
  expect(table(head, [], 80)).toBe('POD   AGE   IMAGE   ID');
});
