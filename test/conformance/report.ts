/** What of ginkgo's JSON report (types.Report) is read here. */
export type GinkgoReport = {readonly SpecReports?: readonly SpecReport[] | null};
export type SpecReport = {
  readonly ContainerHierarchyTexts?: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly LeafNodeLocation?: {readonly FileName: string};
  readonly State: string;
  /** Nanoseconds. */
  readonly RunTime?: number;
  readonly Failure?: {readonly Message?: string};
};

export type Counts = {passed: number; failed: number; skipped: number};
export type Failed = {readonly name: string; readonly message: string};
export type Summary = {
  /** By SIG, then by the file of the cases below test/e2e. */
  readonly groups: ReadonlyMap<string, ReadonlyMap<string, Counts>>;
  readonly total: Counts;
  readonly failures: readonly Failed[];
};

/** Counts the cases that were chosen; a set-up of the suite that failed counts as a failure of its own. */
export function summarize(reports: readonly GinkgoReport[]): Summary {
  const groups = new Map<string, Map<string, Counts>>();
  const total = none();
  const failures: Failed[] = [];
  for (const spec of reports.flatMap(({SpecReports}) => SpecReports ?? [])) {
    const outcome = outcomeOf(spec);
    if (outcome === undefined) continue;
    const name = [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' ').trim();
    const sig = /\[(sig-[a-z-]+)\]/.exec(name)?.[1] ?? 'suite';
    const files = groups.get(sig) ?? new Map<string, Counts>();
    groups.set(sig, files);
    const file = fileOf(spec);
    const counts = files.get(file) ?? none();
    files.set(file, counts);
    counts[outcome]++;
    total[outcome]++;
    if (outcome === 'failed')
      failures.push({name: name || spec.LeafNodeType, message: spec.Failure?.Message ?? spec.State});
  }
  return {groups, total, failures};
}

/** Lines for people: a table by group, then what failed and why. */
export function describeSummary({groups, total, failures}: Summary): string[] {
  const rows: (readonly [string, Counts])[] = [...groups]
    .sort(byName)
    .flatMap(([sig, files]) => [
      [sig, sum([...files.values()])],
      ...[...files].sort(byName).map(([file, counts]) => [`  ${file}`, counts] as const),
    ]);
  const width = Math.max(...rows.map(([name]) => name.length), 5);
  const line = (name: string, ...cells: (string | number)[]) =>
    `${name.padEnd(width)}${cells.map((cell) => String(cell).padStart(9)).join('')}`;
  const counts = (name: string, {passed, failed, skipped}: Counts) => line(name, passed, failed, skipped);
  return [
    line('', 'passed', 'failed', 'skipped'),
    ...rows.map(([name, one]) => counts(name, one)),
    counts('total', total),
    ...failures.flatMap(({name, message}) => [
      '',
      `✗ ${name}`,
      ...message
        .split('\n')
        .slice(0, 6)
        .map((text) => `    ${text.slice(0, 300)}`),
    ]),
  ];
}

/** Undefined: not one of the cases that were asked for. */
function outcomeOf({LeafNodeType, State, Failure}: SpecReport): keyof Counts | undefined {
  const isCase = LeafNodeType === 'It';
  switch (State) {
    case 'passed':
      return isCase ? 'passed' : undefined;
    case 'skipped':
      // A case that skips itself says why; those that the filter leaves out say nothing.
      return isCase && Failure?.Message ? 'skipped' : undefined;
    case 'pending':
    case '':
      return undefined;
    default:
      return 'failed';
  }
}

function fileOf({LeafNodeLocation}: SpecReport): string {
  const path = LeafNodeLocation?.FileName ?? '';
  return path.split('/test/e2e/')[1] ?? path.split('/').slice(-2).join('/');
}

function none(): Counts {
  return {passed: 0, failed: 0, skipped: 0};
}

function sum(all: readonly Counts[]): Counts {
  const result = none();
  for (const {passed, failed, skipped} of all) {
    result.passed += passed;
    result.failed += failed;
    result.skipped += skipped;
  }
  return result;
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : Number(a > b);
}
