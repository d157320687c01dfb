import {describe, expect, it} from 'vitest';
import {
  type ImagePresent,
  type ImageRecord,
  remember,
  shortage,
  sizeText,
  tooOld,
} from '../../../../src/kubelet/images/garbage.ts';

const policy = {highPercent: 85, lowPercent: 80, minAgeMs: 120_000, maxAgeMs: 0};
const nowMs = 10_000_000;

function record(id: string, rest: Partial<ImageRecord> = {}): [string, ImageRecord] {
  const base = {id, bytes: 10, pinned: false, inUse: false, firstSeenMs: 0, usedMs: undefined};
  return [id, {...base, ...rest}];
}

const ids = (records: readonly ImageRecord[] | undefined) => records?.map(({id}) => id);

describe('what is remembered', () => {
  const present = (id: string, names: string[] = []): ImagePresent => ({id, bytes: 1, pinned: false, names});

  it('begins with the first look, and keeps it', () => {
    const first = remember(new Map(), [present('a')], new Set(), 5);
    const second = remember(first, [present('a')], new Set(), 9);
    expect(second.get('a')).toMatchObject({firstSeenMs: 5, usedMs: undefined, inUse: false});
  });

  it.each(['a', 'busybox:1', 'busybox@sha256:x'])('knows what is used by %s', (name) => {
    const images = [present('a', ['busybox:1', 'busybox@sha256:x'])];
    const used = remember(new Map(), images, new Set([name]), 7);
    expect(used.get('a')).toMatchObject({inUse: true, usedMs: 7});
    expect(remember(used, images, new Set(), 9).get('a')).toMatchObject({inUse: false, usedMs: 7});
  });

  it('forgets what has gone', () => expect(remember(new Map([record('a')]), [], new Set(), 9).size).toBe(0));
});

describe('a disk that gets full', () => {
  it.each([
    ['is left alone below the threshold', 16, undefined],
    ['frees down to the low threshold', 15, 5],
    ['frees all that is above it', 0, 20],
  ])('%s', (_, freeBytes, bytesToFree) =>
    expect(shortage(new Map(), {totalBytes: 100, freeBytes}, policy, nowMs)?.bytesToFree).toBe(bytesToFree),
  );

  it('takes the least recently used first, never one in use, pinned or new', () => {
    const records = new Map([
      record('late', {usedMs: 900}),
      record('early', {usedMs: 100}),
      record('never-young', {firstSeenMs: 60}),
      record('never-old', {firstSeenMs: 50}),
      record('used', {inUse: true, usedMs: nowMs}),
      record('pinned', {pinned: true}),
      record('new', {firstSeenMs: nowMs - 119_999}),
    ]);
    const short = shortage(records, {totalBytes: 100, freeBytes: 0}, policy, nowMs);
    expect(ids(short?.candidates)).toEqual(['never-old', 'never-young', 'early', 'late']);
  });
});

describe('an old image', () => {
  const records = new Map([
    record('unused'),
    record('lately', {usedMs: nowMs - 999}),
    record('long-ago', {usedMs: nowMs - 1001}),
    record('used', {inUse: true, usedMs: 0}),
  ]);
  it.each([
    ['stays without a limit', 0, 0, []],
    ['goes after imageMaximumGCAge', 1000, 0, ['unused', 'long-ago']],
    ['stays until the kubelet has run for so long', 1000, nowMs - 1000, []],
  ])('%s', (_, maxAgeMs, startedMs, expected) =>
    expect(ids(tooOld(records, {...policy, maxAgeMs}, startedMs, nowMs))).toEqual(expected),
  );
});

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [500 * 1024 ** 2, '500.0 MiB'],
  [10 * 1024 ** 3, '10.0 GiB'],
  [3 * 1024 ** 4, '3.0 TiB'],
  [5000 * 1024 ** 4, '5000.0 TiB'],
])('%d bytes are told as %s', (bytes, text) => expect(sizeText(bytes)).toBe(text));
