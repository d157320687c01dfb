// `npm run conformance -- E2E_TEST KUBECONFIG [--focus=RE] [--skip=RE] [--dry-run] [--out=DIR] [-- MORE FLAGS]`
// Runs Kubernetes' own tests against a cluster with a nodectl node and prints passed, failed and skipped by group.
// E2E_TEST is the e2e.test of a Kubernetes release; it wants kubectl in PATH.
import {spawn} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {parseArgs} from 'node:util';
import {describeSummary, summarize} from './report.ts';

const usage =
  'usage: npm run conformance -- E2E_TEST KUBECONFIG [--focus=RE] [--skip=RE] [--timeout=24h] [--dry-run] [--out=DIR] [-- FLAGS OF E2E_TEST]';

type Wanted = {
  readonly program: string;
  readonly kubeconfig: string;
  readonly focus: string;
  readonly skip: string | undefined;
  readonly timeout: string;
  readonly dryRun: boolean;
  readonly out: string | undefined;
  readonly more: readonly string[];
};

function wanted(argv: readonly string[]): Wanted | undefined {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const {values, positionals} = parseArgs({
    args: [...own],
    allowPositionals: true,
    options: {
      focus: {type: 'string', default: '\\[Conformance\\]'},
      skip: {type: 'string'},
      timeout: {type: 'string', default: '24h'},
      'dry-run': {type: 'boolean', default: false},
      out: {type: 'string'},
    },
  });
  const [program, kubeconfig, ...rest] = positionals;
  if (program === undefined || kubeconfig === undefined || rest.length > 0) return undefined;
  const {focus, skip, timeout, out} = values;
  return {
    program: resolve(program),
    kubeconfig: resolve(kubeconfig),
    focus,
    skip,
    timeout,
    dryRun: values['dry-run'],
    out,
    more: end < 0 ? [] : argv.slice(end + 1),
  };
}

function flags({kubeconfig, focus, skip, timeout, dryRun, more}: Wanted, report: string): string[] {
  return [
    '--provider=local',
    `--kubeconfig=${kubeconfig}`,
    '--disable-log-dump',
    '--allowed-not-ready-nodes=0',
    '--ginkgo.no-color',
    `--ginkgo.timeout=${timeout}`,
    `--ginkgo.focus=${focus}`,
    ...(skip === undefined ? [] : [`--ginkgo.skip=${skip}`]),
    ...(dryRun ? ['--ginkgo.dry-run'] : []),
    `--ginkgo.json-report=${report}`,
    ...more,
  ];
}

/** The program's exit code, after everything it wrote went to the terminal. */
function runToEnd(program: string, args: readonly string[]): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {stdio: ['ignore', 'inherit', 'inherit']});
    child.on('error', fail);
    child.on('close', (code) => done(code ?? 1));
  });
}

async function main(): Promise<number> {
  const what = wanted(process.argv.slice(2));
  if (what === undefined) {
    console.error(usage);
    return 2;
  }
  const out = what.out === undefined ? mkdtempSync(join(tmpdir(), 'conformance-')) : resolve(what.out);
  mkdirSync(out, {recursive: true});
  const report = join(out, 'report.json');
  const code = await runToEnd(what.program, flags(what, report));
  const summary = summarize(JSON.parse(readFileSync(report, 'utf8')));
  console.log(`\n${describeSummary(summary).join('\n')}\n\n${report}`);
  return code === 0 && summary.total.failed === 0 ? 0 : 1;
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});
