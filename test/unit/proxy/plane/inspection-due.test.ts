import {describe, expect, it} from 'vitest';
import {type InspectionFacts, inspectionDue} from '../../../../src/proxy/plane/inspection-due.ts';

const facts = (changed: Partial<InspectionFacts>): InspectionFacts => ({
  nowMs: 100_000,
  hears: true,
  foreign: false,
  fruitless: 0,
  last: {endMs: Number.NEGATIVE_INFINITY, tookMs: 0, lines: 0},
  unsureMs: 0,
  ...changed,
});

describe('when the tables are listed', () => {
  it('at once after a change of somebody else, however long ago the last listing was', () => {
    expect(inspectionDue(facts({foreign: true}))).toEqual({inMs: 30, what: 'all', holds: false});
    const last = {endMs: 10_000, tookMs: 900, lines: 30_000};
    expect(inspectionDue(facts({foreign: true, last}))).toEqual({inMs: 30, what: 'all', holds: false});
  });

  it('for a tenth of the time where others change something all the time', () => {
    const last = {endMs: 99_000, tookMs: 500, lines: 30_000};
    expect(inspectionDue(facts({foreign: true, last}))).toEqual({inMs: 4_000, what: 'all', holds: false});
  });

  it('while our own changes wait, where those have left no time for a whole minute', () => {
    expect(inspectionDue(facts({foreign: true, unsureMs: 60_000})).holds).toBe(false);
    expect(inspectionDue(facts({foreign: true, unsureMs: 60_001})).holds).toBe(true);
  });

  it('for rules alone where nobody has changed anything', () => {
    expect(inspectionDue(facts({})).what).toBe('rules');
  });

  it('over and over where nobody tells, the more lines the more seldom', () => {
    const due = (lines: number) =>
      inspectionDue(facts({hears: false, last: {endMs: 100_000, tookMs: 10, lines}}));
    expect(due(100)).toEqual({inMs: 650, what: 'all', holds: false});
    expect(due(30_000)).toEqual({inMs: 15_600, what: 'all', holds: false});
  });

  it('more and more seldom against one who never gives up, but at least every ten seconds', () => {
    const due = (fruitless: number) =>
      inspectionDue(facts({foreign: true, fruitless, last: {endMs: 100_000, tookMs: 10, lines: 9}})).inMs;
    expect([due(3), due(30), due(31), due(32), due(60), due(4_000)]).toEqual([
      600, 600, 1_200, 2_400, 10_000, 10_000,
    ]);
  });
});
