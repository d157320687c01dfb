/** A metric family of Prometheus' text format 0.0.4. */
export type Family = {
  readonly name: string;
  readonly type: string;
  readonly samples: {readonly labels: Readonly<Record<string, string>>; readonly value: number}[];
};

/**
 * Prometheus' text format as its specification has it (instrumenting/exposition_formats): lines end with a line feed;
 * HELP and TYPE once each and before the samples; all lines of a family are one group; no sample twice.
 */
export function parseExposition(text: string): Family[] {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, Family>();
  const helped = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [, word, name = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.*)$/.exec(line) ?? [];
    if (word === undefined && line.startsWith('#')) continue;
    if (word === 'HELP') {
      if (helped.has(name) || families.has(name)) throw new Error(`HELP of ${name} is late or again`);
      if (/\\(?![\\n])/.test(rest)) throw new Error(`HELP of ${name} has an escape that there is not`);
      helped.add(name);
    } else if (word === 'TYPE') {
      if (families.has(name)) throw new Error(`TYPE of ${name} again`);
      if (!/^(counter|gauge|histogram|summary|untyped)$/.test(rest)) throw new Error(`no type: ${rest}`);
      families.set(name, {name, type: rest, samples: []});
      current = name;
    } else addSample(line, families.get(current));
  }
  return [...families.values()];
}

function addSample(line: string, family: Family | undefined): void {
  const [, name, , labels = '', number = ''] =
    /^([a-zA-Z_:][\w:]*)(\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)(?: -?\d+)?$/.exec(line) ?? [];
  if (family === undefined || name !== family.name) throw new Error(`not in its group: ${line}`);
  const value =
    {'+Inf': Number.POSITIVE_INFINITY, '-Inf': Number.NEGATIVE_INFINITY, NaN}[number] ?? Number(number);
  if (Number.isNaN(value) && number !== 'NaN') throw new Error(`no number: ${line}`);
  const read = labelsOf(labels);
  const key = JSON.stringify(Object.entries(read).sort());
  if (family.samples.some((other) => JSON.stringify(Object.entries(other.labels).sort()) === key))
    throw new Error(`twice: ${line}`);
  family.samples.push({labels: read, value});
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  const pair = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
  while (pair.lastIndex < text.length) {
    const [, name = '', value = ''] = pair.exec(text) ?? [];
    if (name === '' || name in labels) throw new Error(`wrong labels: ${text}`);
    labels[name] = value.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
  }
  return labels;
}
