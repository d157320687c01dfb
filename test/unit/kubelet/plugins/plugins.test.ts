import {describe, expect, it} from 'vitest';
import {decideSocket} from '../../../../src/kubelet/plugins/decide.ts';

describe('a registration socket', () => {
  it.each([
    ['nothing there, nothing known', undefined, undefined, []],
    ['a new one', 'a', undefined, ['register']],
    ['one that is registered', 'a', 'a', []],
    ['one that was made anew', 'b', 'a', ['deregister', 'register']],
    ['one that has gone', undefined, 'a', ['deregister']],
  ])('%s', (_what, found, registered, acts) => {
    expect(decideSocket({found, registered}).acts.map((act) => act.do)).toEqual(acts);
  });
});
