import {expect, it} from 'vitest';
import {everybodysName} from '../../../src/bootstrap/preflight.ts';

it.each([
  ['localhost', 'localhost', ['ND208']],
  ['localhost.localdomain', 'localhost.localdomain', ['ND208']],
  ['fedora', 'Fedora', ['ND208']],
  ['a name that was given', 'localhost', []],
  ['localhosts', 'localhosts', []],
  ['worker1', 'worker1', []],
])('warns of a name that nobody has given: %s on %s', (nodeName, hostname, codes) => {
  const findings = everybodysName({nodeName}, hostname);
  expect(findings.map(({code}) => code)).toEqual(codes);
  expect(findings.every(({next}) => next.some((line) => line.includes('--node-name')))).toBe(true);
});
