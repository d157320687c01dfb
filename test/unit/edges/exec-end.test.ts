import {expect, it} from 'vitest';
import {endOf} from '../../../src/edges/http/exec-stream.ts';

const exit = (code: string) => ({causes: [{reason: 'ExitCode', message: code}]});

it.each([
  ['success', {status: 'Success'}, {exitCode: 0}],
  ['a program that failed', {status: 'Failure', message: 'x', details: exit('7')}, {exitCode: 7}],
  [
    'a program that is not there',
    {status: 'Failure', message: 'no such file'},
    {exitCode: 1, why: 'no such file'},
  ],
  ['a failure without words', {status: 'Failure'}, {exitCode: 1, why: 'the runtime does not say why'}],
])('understands %s', (_, status, end) => expect(endOf(JSON.stringify(status))).toEqual(end));

it('tells what it does not understand', () =>
  expect(endOf('read: EOF')).toEqual({exitCode: 1, why: 'read: EOF'}));
