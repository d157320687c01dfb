import {expect, it} from 'vitest';
import {noProxyFor} from '../../../../src/edges/http/proxy-environment.ts';

it.each([
  ['https://10.1.2.3/a', '10.0.0.0/8,.example.org', '10.0.0.0/8,.example.org,10.1.2.3'],
  ['https://192.168.1.1/a', '10.0.0.0/8', '10.0.0.0/8'],
  ['https://[fd00::1]:8443/a', 'localhost fd00::/8', 'localhost fd00::/8,[fd00::1]'],
  ['https://example.org/a', '10.0.0.0/8', '10.0.0.0/8'],
  ['https://10.1.2.3/a', 'not/a/range,/8', 'not/a/range,/8'],
])('NO_PROXY may hold ranges: %s with %s', (url, given, expected) => {
  expect(noProxyFor(url, {NO_PROXY: given})).toBe(expected);
  expect(noProxyFor(url, {no_proxy: given, NO_PROXY: 'other'})).toBe(expected);
});
