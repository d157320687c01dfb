import {expect, it} from 'vitest';
import {withTimes} from '../../../src/bootstrap/status/inspect.ts';
import {redactValue} from '../../../src/lib/text/redact.ts';

it('tells times as people read them', () =>
  expect(withTimes({id: '1', createdAt: '1795292056294549072', startedAt: '1795292056359143875'})).toEqual({
    id: '1',
    createdAt: '2026-11-21T20:14:16.294Z',
    startedAt: '2026-11-21T20:14:16.359Z',
  }));

it('names the variables of an environment, without their values', () =>
  expect(redactValue({config: {envs: [{key: 'PASSWORD', value: 'x'}]}})).toEqual({
    config: {envs: [{key: 'PASSWORD', value: '[redacted]'}]},
  }));
