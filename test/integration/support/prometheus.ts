/**
 * The text format of Prometheus 0.0.4, read strictly: what a lenient scraper lets pass (samples of a family in two
 * places, two HELPs, a series twice, labels that differ within a family, buckets that fall) is an error here.
 */
export type Sample = {
  /** With its suffix: `x_bucket` of the histogram `x`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timeMs: number | undefined;
};
export type FamilyText = {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
};

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const types = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
/** prom-client writes Nan; Prometheus reads it as Go does, in any case. */
const number = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]Inf|NaN|Nan)$/;

type Draft = {name: string; help: string; type: string; samples: Sample[]};

export function parsePrometheus(text: string): Map<string, FamilyText> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Draft>();
  let current: Draft | undefined;
  for (const [at, line] of text.slice(0, -1).split('\n').entries())
    try {
      if (line === '') continue;
      if (line.startsWith('#')) current = comment(line, families, current);
      else addSample(parseSample(line), current);
    } catch (error) {
      throw new Error(`line ${at + 1}: ${String(error)}: ${line}`);
    }
  for (const family of families.values()) judge(family);
  return families;
}

function comment(line: string, families: Map<string, Draft>, current: Draft | undefined): Draft {
  const [, kind = '', name = '', rest = ''] =
    /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line) ?? [];
  if (kind === 'HELP') {
    if (families.has(name)) throw new Error('a second HELP');
    if (/\\(?![\\n])/.test(rest)) throw new Error('an escape that is none');
    const family = {name, help: rest, type: '', samples: []};
    families.set(name, family);
    return family;
  }
  if (kind !== 'TYPE') throw new Error('neither HELP nor TYPE');
  if (current?.name !== name || current.type !== '' || current.samples.length > 0)
    throw new Error('a TYPE that does not follow its HELP');
  if (!types.includes(rest)) throw new Error('an unknown type');
  current.type = rest;
  return current;
}

function addSample(sample: Sample, family: Draft | undefined): void {
  if (family === undefined || family.type === '') throw new Error('a sample before HELP and TYPE');
  const suffixes = {histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count']}[
    family.type
  ] ?? [''];
  if (!suffixes.some((suffix) => sample.name === family.name + suffix))
    throw new Error(`a sample that is not of ${family.name}`);
  if (sample.value < 0 && family.type === 'counter') throw new Error('a counter below zero');
  family.samples.push(sample);
}

function parseSample(line: string): Sample {
  const name = metricName.exec(line)?.[0] ?? '';
  if (name === '') throw new Error('no name');
  let rest = line.slice(name.length);
  let labels: Record<string, string> = {};
  if (rest.startsWith('{')) [labels, rest] = parseLabels(rest);
  const [, value = '', time] = /^ (\S+)(?: (-?\d+))?$/.exec(rest) ?? [];
  if (!number.test(value)) throw new Error('not a value and a time');
  return {
    name,
    labels,
    value: Number(value.replace('Inf', 'Infinity')),
    timeMs: time === undefined ? undefined : Number(time),
  };
}

function parseLabels(text: string): [Record<string, string>, string] {
  const labels: Record<string, string> = {};
  const one = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|})/y;
  one.lastIndex = 1;
  for (;;) {
    const found = one.exec(text);
    if (found === null) throw new Error('labels that cannot be read');
    const [, name = '', value = '', end] = found;
    if (name in labels) throw new Error(`the label ${name} twice`);
    labels[name] = value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
    if (end === '}') return [labels, text.slice(one.lastIndex)];
  }
}

function judge({name, type, samples}: Draft): void {
  if (type === '') throw new Error(`${name} has no TYPE`);
  const seen = new Set<string>();
  const shapes = new Map<string, string>();
  for (const {name: own, labels} of samples) {
    const series = `${own} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (seen.has(series)) throw new Error(`twice: ${series}`);
    seen.add(series);
    const shape = Object.keys(labels).sort().join();
    if ((shapes.get(own) ?? shape) !== shape) throw new Error(`labels differ within ${own}: ${shape}`);
    shapes.set(own, shape);
  }
  if (type === 'histogram') judgeBuckets(name, samples);
}

/** Buckets never fall, the last is +Inf and equals the count. */
function judgeBuckets(name: string, samples: readonly Sample[]): void {
  const key = ({labels: {le: _, ...labels}}: Sample) => JSON.stringify(Object.entries(labels).sort());
  const all = Map.groupBy(
    samples.filter((sample) => sample.name === `${name}_bucket`),
    key,
  );
  for (const count of samples.filter((sample) => sample.name === `${name}_count`)) {
    const buckets = all.get(key(count)) ?? [];
    const bounds = buckets.map(({labels}) => Number((labels.le ?? '').replace('Inf', 'Infinity')));
    const counts = buckets.map(({value}) => value);
    const rises = (values: readonly number[]) =>
      values.every((value, at) => at === 0 || value >= (values[at - 1] ?? 0));
    if (
      !rises(bounds) ||
      !rises(counts) ||
      bounds.at(-1) !== Number.POSITIVE_INFINITY ||
      counts.at(-1) !== count.value
    )
      throw new Error(`buckets of ${name} that are none: ${JSON.stringify(buckets)}`);
  }
}

export type Scrape = {
  readonly node: {cpuSeconds?: number; memoryBytes?: number; timeMs?: number};
  readonly containers: ReadonlyMap<
    string,
    {cpuSeconds?: number; memoryBytes?: number; startSeconds?: number; timeMs?: number}
  >;
};

/**
 * What metrics-server takes from `/metrics/resource` (pkg/scraper/client/resource/decode.go): values by name, the time
 * of the CPU's line, labels found by their text; a container without CPU or memory makes its whole pod unknown.
 */
export function metricsServerDecode(text: string): Scrape {
  const node: Scrape['node'] = {};
  const containers = new Map<
    string,
    {cpuSeconds?: number; memoryBytes?: number; startSeconds?: number; timeMs?: number}
  >();
  for (const line of text.split('\n')) {
    const [, name = '', labels = '', value = '', time] =
      /^([a-z_]+)(\{.*\})? (\S+)(?: (\d+))?$/.exec(line) ?? [];
    const told = {value: Number(value), ...(time === undefined ? {} : {timeMs: Number(time)})};
    if (name === 'node_cpu_usage_seconds_total')
      Object.assign(node, {cpuSeconds: told.value, timeMs: told.timeMs});
    if (name === 'node_memory_working_set_bytes') node.memoryBytes = told.value;
    if (!labels.includes('container="')) continue;
    const tag = (label: string) => labels.split(`${label}="`)[1]?.split('"')[0] ?? '';
    const key = `${tag('namespace')}/${tag('pod')}/${tag('container')}`;
    const container = containers.get(key) ?? {};
    containers.set(key, container);
    if (name === 'container_cpu_usage_seconds_total')
      Object.assign(container, {cpuSeconds: told.value, timeMs: told.timeMs});
    if (name === 'container_memory_working_set_bytes') container.memoryBytes = told.value;
    if (name === 'container_start_time_seconds') container.startSeconds = told.value;
  }
  return {node, containers};
}
