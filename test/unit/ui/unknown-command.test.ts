import {expect, it} from 'vitest';
import {unknownCommand} from '../../../src/ui/unknown-command.ts';

const known = ['join', 'images', 'images pull', 'inspect', 'ps', 'pods', 'reset', 'sandbox up', 'status'];

it.each([
  ['jion 10.0.0.1:6443', 'nodectl join'],
  ['statsu', 'nodectl status'],
  ['stauts', 'nodectl status'],
  ['image pull x', 'nodectl images pull'],
  ['sandbox upp', 'nodectl sandbox up'],
  ['version', 'nodectl --version'],
  ['uninstall', 'nodectl reset'],
])('of %s says %s', (typed, next) => {
  const [first] = typed.split(' ');
  expect(unknownCommand(typed.split(' '), known)).toMatchObject({
    code: 'ND904',
    message: `there is no command ${first}`,
    next: [next, 'nodectl --help'],
  });
});

it.each(['drain', 'x', '', 'pss'.repeat(9)])('guesses nothing for %j', (typed) => {
  expect(unknownCommand([typed], known).next).toEqual(['nodectl --help']);
});
