import {stripVTControlCharacters} from 'node:util';
import {describe, expect, it} from 'vitest';
import {type StatusView, statusText} from '../../../src/ui/status/status-text.ts';
import {terminalWidth, wrap} from '../../../src/ui/wrap.ts';

const cause = {
  code: 'ND501',
  severity: 'error',
  message: 'containerd is not running (exit 1)\nits last words: no space left on device',
  next: ['sudo nodectl restart containerd'],
} as const;
const view: StatusView = {
  state: 'failed',
  cause,
  node: undefined,
  fixes: {},
  checks: [
    {name: 'ContainerRuntime', state: 'found', findings: [cause]},
    {name: 'PodNetwork', state: 'skipped', because: 'ContainerRuntime', code: 'ND501'},
    {name: 'PodImages', state: 'skipped', because: 'ContainerRuntime', code: 'ND501'},
    {name: 'ServiceRules', state: 'unseen', why: 'EACCES: permission denied'},
  ],
};
const text = (given: StatusView, width: number) => stripVTControlCharacters(statusText(given, width));

describe('the text of a status', () => {
  it('says in one line what is wrong and what to type', () => {
    expect(text(view, 80)).toBe(
      [
        'ND501 containerd is not running (exit 1): sudo nodectl restart containerd',
        '  its last words: no space left on device',
        '  more: nodectl explain ND501',
        '',
        'skipped because of ND501: PodNetwork, PodImages',
        '',
        'not seen: ServiceRules (only root may look)',
      ].join('\n'),
    );
  });
  it('puts what to type below where one line is too short', () => {
    expect(text(view, 60).split('\n').slice(0, 2)).toEqual([
      'ND501 containerd is not running (exit 1)',
      '  try: sudo nodectl restart containerd',
    ]);
  });
  it('takes the steps of the catalogue where a finding has none', () => {
    const bare = {...cause, next: []};
    const shown = text({...view, cause: bare, checks: [], fixes: {ND501: ['one', 'two']}}, 80);
    expect(shown).toMatch(/^ND501 .*: one\n(.*\n)+ {2}or: two\n/);
  });
  it.each([
    ['healthy', 'healthy: these checks found nothing'],
    ['warnings', 'nothing wrong was found, but not everything could be seen'],
  ] as const)('without a cause is %s', (state, first) => {
    expect(text({...view, state, cause: undefined, checks: []}, 80)).toBe(first);
  });
});

describe('the width', () => {
  it.each([
    [undefined, 80],
    [0, 80],
    [72, 72],
    [200, 100],
  ])('of a terminal with %s columns is %i', (columns, width) => {
    expect(terminalWidth(columns === undefined ? {} : {columns})).toBe(width);
  });
  it('breaks at spaces', () => {
    expect(wrap('one two three', '  ', 9)).toEqual(['  one two', '  three']);
  });
});
