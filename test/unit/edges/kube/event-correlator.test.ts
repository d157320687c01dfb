import {describe, expect, it} from 'vitest';
import {EventCorrelator, type Said} from '../../../../src/edges/kube/event-correlator.ts';

const second = 1000;
const said = (reason: string, message: string, over: object = {}): Said => ({
  target: {kind: 'Pod', apiVersion: 'v1', namespace: 'ns', name: 'web', uid: 'u', ...over},
  type: 'Normal',
  reason,
  message,
});
const similar = (count: number): Said[] =>
  Array.from({length: count}, (_, at) => said('similar', `similar message ${at}`));

/** What becomes of the last of these events, told so far apart: its message, its count, or that it is not told. */
function last(events: readonly Said[], everyMs: number): string {
  const correlator = new EventCorrelator();
  const counts = new Map<string, number>();
  let outcome = '';
  for (const [at, event] of events.entries()) {
    const found = correlator.correlate(event, at * everyMs);
    const count = (counts.get(found?.key ?? '') ?? 0) + 1;
    if (found !== undefined) counts.set(found.key, count);
    outcome = found === undefined ? 'not told' : `${found.message} x${count}`;
  }
  return outcome;
}

const same = (count: number): Said[] => Array.from({length: count}, () => said('same', 'me again'));
const combined = '(combined from similar events): similar message';

/** By meaning the rows of client-go's TestEventCorrelator. */
describe('an event', () => {
  it.each<[string, Said[], number, string]>([
    ['is told', [said('first', 'i am first')], 5, 'i am first x1'],
    ['counts with its like', same(2), 5, 'me again x2'],
    ['counts with its like, however often', same(11), 30, 'me again x11'],
    ['is not told after 25 at once', same(26), 0, 'not told'],
    [
      'is told after many about others',
      [
        ...Array.from({length: 30}, (_, at) => said('unique', 'i', {name: `p${at}`})),
        said('unique', 'snowflake'),
      ],
      5,
      'snowflake x1',
    ],
    ['is told as it is while there are nine messages', similar(9), 5, 'similar message 8 x1'],
    ['joins similar ones after nine messages', similar(10), 5, `${combined} 9 x1`],
    ['counts in those that were joined', similar(12), 5, `${combined} 11 x3`],
    ['with a message that was told counts there', [...similar(12), ...similar(1)], 5, 'similar message 0 x2'],
    ['stands alone after ten quiet minutes', similar(10), 601, 'similar message 9 x1'],
    [
      'of another container is another one',
      [said('r', 'm', {fieldPath: 'spec.containers{a}'}), said('r', 'm', {fieldPath: 'spec.containers{b}'})],
      5,
      'm x1',
    ],
    [
      'of another reason has messages of its own',
      [...similar(9), said('other', 'one more')],
      5,
      'one more x1',
    ],
  ])('%s', (_, events, everySeconds, outcome) => {
    expect(last(events, everySeconds * second)).toBe(outcome);
  });

  it('is told again once in five minutes', () => {
    const correlator = new EventCorrelator();
    for (let at = 0; at < 30; at++) correlator.correlate(said('r', 'm'), 0);
    const told = [1, 299, 301, 302, 601].map(
      (at) => correlator.correlate(said('r', 'm'), at * second) !== undefined,
    );
    expect(told).toEqual([false, false, true, false, true]);
  });
});
