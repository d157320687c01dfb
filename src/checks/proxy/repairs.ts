/** Once that the proxy found its rules changed by somebody else, and wrote them again. */
export type Repair = {readonly ageMs: number; readonly family: string; readonly changed: string};

/** Older ones are history. */
const freshMs = 600_000;

type Line = {
  readonly time?: string;
  readonly msg?: string;
  readonly family?: string;
  readonly changed?: string;
};

/** Of the proxy's log since its last start, oldest first: who started it anew may have ended the trouble. */
export function repairsOf(log: readonly string[], nowMs: number): Repair[] {
  const lines = log.map(read);
  const start = lines.findLastIndex(({msg}) => msg === 'Services and EndpointSlices are known');
  return lines
    .slice(start + 1)
    .filter(({msg = ''}) => /^somebody (changed|removed) the table/.test(msg))
    .map(({time = '', family = '', changed = 'all of them'}) => ({
      ageMs: nowMs - Date.parse(time),
      family,
      changed,
    }))
    .filter(({ageMs}) => ageMs < freshMs);
}

function read(line: string): Line {
  if (!line.startsWith('{')) return {};
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
