import {describe, expect, it} from 'vitest';
import {type Entry, klogJson, klogText} from '../../../src/edges/logs/klog.ts';

const entry: Entry = {
  severity: 'info',
  message: 'a "pod" starts',
  fields: {pod: 'default/web', tries: 2},
  timeMs: Date.UTC(2026, 10, 22, 2, 41, 41, 123),
  pid: 1234,
};

/** What collectors parse: klog's header, and the JSON keys of component-base. */
describe('lines in Kubernetes’ formats', () => {
  it.each<[string, Partial<Entry>, string, object]>([
    [
      'information',
      {},
      String.raw`I1122 02:41:41.123000    1234 nodectl:0] "a \"pod\" starts" pod="default/web" tries=2`,
      {ts: entry.timeMs, msg: entry.message, v: 0, pod: 'default/web', tries: 2},
    ],
    [
      'an error, which has no verbosity',
      {severity: 'error', fields: {error: 'gone\nfor good'}},
      String.raw`E1122 02:41:41.123000    1234 nodectl:0] "a \"pod\" starts" err="gone\nfor good"`,
      {ts: entry.timeMs, msg: entry.message, err: 'gone\nfor good'},
    ],
    [
      'a warning',
      {severity: 'warn', fields: {none: undefined}},
      String.raw`W1122 02:41:41.123000    1234 nodectl:0] "a \"pod\" starts"`,
      {ts: entry.timeMs, msg: entry.message, v: 0},
    ],
    [
      'a debugging word',
      {severity: 'debug', fields: {deep: {a: [1]}}},
      String.raw`I1122 02:41:41.123000    1234 nodectl:0] "a \"pod\" starts" deep={"a":[1]}`,
      {ts: entry.timeMs, msg: entry.message, v: 4, deep: {a: [1]}},
    ],
  ])('%s', (_name, over, text, json) => {
    expect(klogText({...entry, ...over})).toBe(text);
    expect(JSON.parse(klogJson({...entry, ...over}))).toEqual(json);
  });
});
