import {expect, it} from 'vitest';
import {namesNoServer} from '../../../src/config/machine/resolv-conf.ts';

it.each([
  ['systemd-resolved’s stub', '# stub\nnameserver 127.0.0.53\noptions edns0\nsearch .\n', true],
  [
    'a stub written into a plain file, with a second of its own',
    'nameserver 127.0.0.1\nnameserver ::1\n',
    true,
  ],
  ['nobody', 'search example.org\n', true],
  ['a real server', 'nameserver 192.168.1.1\n', false],
  ['a real server after a stub', 'nameserver 127.0.0.53\nnameserver 192.168.1.1\n', false],
  ['a real server that is commented out', '#nameserver 192.168.1.1\n;nameserver 8.8.8.8\n', true],
])('tells whether anybody but this machine is asked: %s', (_, text, expected) => {
  expect(namesNoServer(text)).toBe(expected);
});
