import type {JunitResult} from './junit.ts';

type Screen = {
  readonly certificateDays: number | undefined;
  readonly leaseSeconds: number | undefined;
  readonly pods: {readonly running: number; readonly waiting: number; readonly ended: number} | undefined;
  readonly dataPlane: {readonly ports: number} | undefined;
};

/** Prometheus' text format, for node_exporter's textfile collector. */
export function prometheusText({
  state,
  checks,
  node,
}: {
  state: string;
  checks: readonly JunitResult[];
  node: Screen | undefined;
}): string {
  const findings = checks.flatMap((check) =>
    check.state === 'found' ? check.findings.map((one) => ({...one, check})) : [],
  );
  return [
    ...gauge('nodectl_healthy', '1 when status finds nothing', [['', state === 'healthy' ? 1 : 0]]),
    ...gauge(
      'nodectl_finding',
      'How much status finds, by code',
      counted(
        findings.map(({code, severity, check}) =>
          labels({code, severity, check: check.name, category: check.category}),
        ),
      ),
    ),
    ...gauge(
      'nodectl_check_state',
      'Of each check, its state',
      checks.map((check) => [labels({check: check.name, category: check.category, state: check.state}), 1]),
    ),
    ...measures(node),
  ].join('\n');
}

function measures(node: Screen | undefined): string[] {
  if (node === undefined) return [];
  const {certificateDays, leaseSeconds, pods, dataPlane} = node;
  const one = (name: string, help: string, value: number | undefined): string[] =>
    value === undefined ? [] : gauge(name, help, [['', value]]);
  return [
    ...one('nodectl_certificate_days', 'Days left of the node’s client certificate', certificateDays),
    ...one('nodectl_lease_age_seconds', 'Since the lease was renewed', leaseSeconds),
    ...one('nodectl_service_ports', 'Service ports in the kernel', dataPlane?.ports),
    ...gauge(
      'nodectl_pods',
      'Pods of the node by state',
      Object.entries(pods ?? {}).map(([state, count]) => [labels({state}), count]),
    ),
  ];
}

function gauge(name: string, help: string, samples: readonly (readonly [string, number])[]): string[] {
  if (samples.length === 0) return [];
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...samples.map(([label, value]) => `${name}${label} ${value}`),
  ];
}

/** A check may find several things of one code, but a sample stands there once. */
function counted(all: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts];
}

function labels(values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(
    ([name, value]) =>
      `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  );
  return `{${pairs.join(',')}}`;
}
