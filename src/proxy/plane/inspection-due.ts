/** The last inspection of all tables. */
export type Seen = {readonly endMs: number; readonly tookMs: number; readonly lines: number};

export type InspectionFacts = {
  readonly nowMs: number;
  /** Changes of others are heard of. */
  readonly hears: boolean;
  /** Somebody else has changed something since the last inspection. */
  readonly foreign: boolean;
  /** Repairs in a row after which the table was not right either. */
  readonly fruitless: number;
  readonly last: Seen;
  /** For how long it could not be told whether a change of somebody else is in our tables; 0 when it can be. */
  readonly unsureMs: number;
};

export type Look = {
  readonly what: 'all' | 'rules';
  /** Our own changes wait for it. */
  readonly holds: boolean;
};
export type InspectionDue = Look & {readonly inMs: number};

/** What comes at once, as a firewall's reload does, is looked at together. */
const gatherMs = 30;
const leastPauseMs = 600;
/** A listing of ten thousand Services costs half a second of a core: one part in ten of it at most, whatever others do. */
const pauseFactor = 10;
/** Where nobody tells of changes, listings take about one part in fifty of a core. */
const unheardMsPerLine = 0.5;
/** Whoever changes the table again after each repair is fought more and more seldom, and never left alone. */
const mostPauseMs = 10_000;
const foughtAfter = 30;
/** Where we change something all the time a listing of many Services finds no moment between; half a second a minute are for it. */
const unsureAfterMs = 60_000;

/**
 * When to list the tables, and how much of them. Where changes of others are heard of, everything is listed after such a
 * change, and rules once after they were written, to know how nft prints them. Elsewhere everything is listed over and
 * over: a few hundred Services every second, very many more seldom.
 */
export function inspectionDue(facts: InspectionFacts): InspectionDue {
  const {nowMs, hears, foreign, fruitless, last, unsureMs} = facts;
  const holds = unsureMs > unsureAfterMs;
  const cost = Math.max(leastPauseMs, last.tookMs * pauseFactor);
  const fought = Math.max(0, fruitless - foughtAfter);
  const pauseMs = Math.min(mostPauseMs, cost * 2 ** Math.min(fought, 16));
  if (foreign && hears) return {inMs: Math.max(gatherMs, last.endMs + pauseMs - nowMs), what: 'all', holds};
  if (hears) return {inMs: pauseMs, what: 'rules', holds: false};
  return {inMs: Math.max(pauseMs, leastPauseMs + last.lines * unheardMsPerLine), what: 'all', holds};
}
