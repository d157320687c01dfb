import {expect, it} from 'vitest';
import {logLine} from '../../../src/ui/log-line.ts';

const time = '2026-11-21T20:14:15.300Z';
const line = (fields: object) => JSON.stringify({level: 30, time, name: 'kubelet', ...fields});

it.each([
  ['a message alone', line({msg: 'serving'}), `${time} INFO  serving`],
  [
    'fields, whose it is first and the error last',
    line({
      level: 50,
      error: 'no such file',
      path: '/x',
      retryInMs: 5,
      container: 'c',
      pod: 'n/p',
      msg: 'cannot',
    }),
    `${time} ERROR cannot  pod=n/p  container=c  path=/x  error="no such file"  retryInMs=5`,
  ],
  [
    'values of every kind',
    line({level: 40, skipped: ['a b', 'c'], empty: '', nothing: null, quoted: 'a "b" c', msg: 'm'}),
    `${time} WARN  m  skipped=["a b","c"]  empty=""  nothing=null  quoted="a \\"b\\" c"`,
  ],
  [
    'a field that is called as the logger calls itself',
    line({name: 'eth0', msg: 'm'}),
    `${time} INFO  m  name=eth0`,
  ],
  [
    'an entry of Kubernetes’ JSON format',
    '{"ts":1763779301123,"msg":"m","v":0,"pod":"p"}',
    '2025-11-22T02:41:41.123Z INFO  m  pod=p',
  ],
  [
    'an error of that format',
    '{"ts":1763779301123,"msg":"m","err":"gone"}',
    '2025-11-22T02:41:41.123Z ERROR m  error=gone',
  ],
  ['a crash', '    at run (agent.ts:5:3)', '    at run (agent.ts:5:3)'],
  ['another program’s line', 'time="x" level=info msg="y"', 'time="x" level=info msg="y"'],
  ['JSON that is no entry', '{"level":30}', '{"level":30}'],
  ['a torn line', '{"level":30,"ti', '{"level":30,"ti'],
])('shows %s', (_, given, shown) => expect(logLine(given, 'kubelet')).toBe(shown));

it('lets nothing of a workload reach the terminal but text', () => {
  const bad = '\u001b]0;x\u0007\u001b[2J\r\n\u009b31m\u202ereversed\u2028\u{e0001}';
  const fields = {error: bad, pod: `\u001b[31m`, 'k\u001b': {deep: bad}, msg: `m${bad}`};
  for (const shown of [logLine(line(fields), 'kubelet'), logLine(bad.replace('\n', ''), 'kubelet')])
    expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(logLine(line({msg: 'm', error: '\u001b[2J\nx'}), 'kubelet')).toBe(
    `${time} INFO  m  error="\\x1b[2J\\nx"`,
  );
});
