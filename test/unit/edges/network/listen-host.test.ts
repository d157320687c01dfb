import {existsSync} from 'node:fs';
import {expect, it} from 'vitest';
import {listenHost} from '../../../../src/edges/http/listen-host.ts';
import {servePlain} from '../../../../src/edges/http/plain-http.ts';

it.each([
  ['0.0.0.0', true, '::'],
  ['0.0.0.0', false, '0.0.0.0'],
  ['::', true, '::'],
  ['127.0.0.1', true, '127.0.0.1'],
  ['192.0.2.1', true, '192.0.2.1'],
])('%s where IPv6 is %s means %s', (host, hasIpv6, expected) => {
  expect(listenHost(host, hasIpv6)).toBe(expected);
});

it.runIf(existsSync('/proc/net/if_inet6'))('a server at 0.0.0.0 answers both families', async () => {
  const server = await servePlain({
    host: '0.0.0.0',
    port: 0,
    answer: () => ({code: 200, headers: {}, body: 'ok'}),
  });
  try {
    for (const host of ['127.0.0.1', '[::1]']) {
      const answer = await fetch(`http://${host}:${server.port}/`);
      expect(await answer.text(), host).toBe('ok');
    }
  } finally {
    await server.close();
  }
});

it('a server says of a page that it does not have what Go says', async () => {
  const server = await servePlain({host: '127.0.0.1', port: 0, answer: () => undefined});
  try {
    const answer = await fetch(`http://127.0.0.1:${server.port}/none`);
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
      404,
      'text/plain; charset=utf-8',
      '404 page not found\n',
    ]);
  } finally {
    await server.close();
  }
});
