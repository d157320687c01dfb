import {PassThrough} from 'node:stream';
import {text} from 'node:stream/consumers';
import {expect, it} from 'vitest';
import {eachLine} from '../../../../src/edges/logs/each-line.ts';

it('puts lines and characters together again that came in pieces, and leaves lines out', async () => {
  const out = new PassThrough();
  const lines = eachLine(out, (line) => (line === 'no' ? undefined : `<${line}>`));
  const bytes = Buffer.from('one\nno\n–two–\n\nlast');
  for (let at = 0; at < bytes.length; at += 3) lines.write(bytes.subarray(at, at + 3));
  lines.end(() => out.end());
  expect(await text(out)).toBe('<one>\n<–two–>\n<>\n<last>\n');
});
