import {stripVTControlCharacters} from 'node:util';
import {expect, it} from 'vitest';
import {preflightTable} from '../../../src/ui/preflight-table.ts';

const text = (checks: Parameters<typeof preflightTable>[0]) =>
  stripVTControlCharacters(preflightTable(checks, 50));

it('tells of a preflight within the terminal’s width, and its verdict last', () => {
  expect(
    text([
      {name: 'Disk', state: 'ok'},
      {
        name: 'FileSystems',
        state: 'found',
        findings: [
          {
            code: 'ND116',
            severity: 'error',
            message: '/var/log/pods does not answer\nand 1 more',
            next: ['findmnt /var/log/pods', 'sudo umount --lazy /var/log/pods, when it is gone'],
          },
        ],
      },
      {name: 'Swap', state: 'skipped', because: 'FileSystems'},
    ]),
  ).toBe(`ok       Disk
error    FileSystems: ND116 /var/log/pods does not
         answer
         and 1 more
           try: findmnt /var/log/pods
           or: sudo umount --lazy /var/log/pods, when it is gone
skipped  Swap (because of FileSystems)

1 error stands in the way of a join`);
});

it.each([
  [[], 'nothing stands in the way of a join'],
  [['warning'], 'nothing stands in the way of a join'],
  [['error', 'warning', 'error'], '2 errors stand in the way of a join'],
] as const)('with %j says: %s', (severities, verdict) => {
  const findings = severities.map((severity) => ({code: 'ND101', severity, message: 'm', next: []}));
  expect(
    text([{name: 'Root', state: 'found', findings}])
      .split('\n')
      .at(-1),
  ).toBe(verdict);
});
