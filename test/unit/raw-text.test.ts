import {expect, it} from 'vitest';
import {rawBytes, rawText} from '../../src/lib/text/raw-text.ts';

it.each([
  [[]],
  [[0x61, 0, 0x62]],
  [[0xef, 0xbb, 0xbf, 0x61]],
  [[0xc3, 0xa4, 0xf0, 0x9f, 0x98, 0x80]],
  [[0xff]],
  [[0x80, 0x61, 0xc3]],
  [[0xe2, 0x82, 0x61, 0xe2, 0x82, 0xac]],
  // A surrogate in UTF-8, an overlong slash, what is beyond Unicode.
  [[0xed, 0xb2, 0x80, 0xc0, 0xaf, 0xf4, 0x90, 0x80, 0x80]],
  [Array.from({length: 256}, (_, byte) => byte)],
])('gives %j back', (list) => {
  const text = rawText(Uint8Array.from(list));
  expect([...rawBytes(text)]).toEqual(list);
  expect([...rawBytes(`ä${text}😀`)]).toEqual([0xc3, 0xa4, ...list, 0xf0, 0x9f, 0x98, 0x80]);
});

it('is the text where it is one', () => {
  expect(rawText(new TextEncoder().encode('grün 😀'))).toBe('grün 😀');
});
