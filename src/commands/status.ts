import {Flags} from '@oclif/core';
import type {StatusReport} from '../bootstrap/status/status.ts';
import {categories} from '../checks/check.ts';
import {answerOnce} from '../edges/machine/heap.ts';
import {goFirst} from '../edges/process/process-life.ts';
import {ownProgram} from '../edges/process/program.ts';
import {NodectlError} from '../lib/errors.ts';
import {BaseCommand} from '../ui/base-command.ts';
import {here} from '../ui/node-command.ts';
import {type StatusOutput, statusOutputs} from '../ui/status/status-output.ts';

/** What a flag means that is given without a value. */
const bare: Readonly<Record<string, string>> = {
  '--wait': '--wait=300',
  '--watch': '--watch=2',
  '--fix': '--fix=all',
};

export default class Status extends BaseCommand {
  static override summary = 'Say what is wrong with this node and what to type; changes nothing';
  static override description =
    'The first line names the root cause. Exit codes: 0 healthy, 1 warnings, else the class of the failure.';
  static override flags = {
    category: Flags.string({
      multiple: true,
      options: [...categories],
      description: 'only these checks and what they build on',
    }),
    only: Flags.string({multiple: true, description: 'only the checks that can find this code (ND501)'}),
    probe: Flags.boolean({description: 'also start a throw-away pod and try its network'}),
    wait: Flags.string({description: 'look again until nothing is wrong (--wait=SECONDS; 300)'}),
    watch: Flags.string({description: 'look again until Ctrl-C (--watch=SECONDS; 2)'}),
    fix: Flags.string({description: 'make what is safe to make, then look again (--fix=CODE,…; all)'}),
    'undo-fixes': Flags.boolean({description: 'take back what --fix has changed'}),
    plan: Flags.boolean({description: 'with --fix: only say what it would change'}),
    root: Flags.string({description: 'the directory that was given to join'}),
    output: Flags.option({
      char: 'o',
      options: statusOutputs,
      default: 'table' as const,
      description: 'table for people, the others for programs',
    })(),
  };
  static override examples = [
    '<%= config.bin %> status',
    '<%= config.bin %> status --wait=60 -o json',
    '<%= config.bin %> status --fix=ND122',
  ];

  async run(): Promise<void> {
    this.argv = this.argv.map((word) => bare[word] ?? word);
    const {flags} = await this.parse(Status);
    // Whatever ends this process before its answer was no good sign.
    process.exitCode = 1;
    goFirst();
    const {nodeOptions} = await import('../config/join.ts');
    const loop = await import('../bootstrap/status/status-loop.ts');
    const {verdictOf} = await import('../checks/node/verdict.ts');
    answerOnce();
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort());
    const {root, probe} = flags;
    const input = {
      options: nodeOptions(here(root)),
      root,
      probe,
      program: ownProgram(),
      signal: stop.signal,
      wanted: loop.selection(flags.category, flags.only),
    };
    const text = (report: StatusReport) =>
      textOf(report, flags.output, flags.category === undefined && flags.only === undefined);
    if (flags['undo-fixes']) return this.#undo(input);
    if (flags.watch !== undefined) {
      const show = (await import('../ui/status/watch-screen.ts')).watchScreen();
      const everyMs = Math.max(1, seconds('watch', flags.watch)) * 1000;
      return loop.watchNode(input, everyMs, async (report) => {
        show(await text(report));
        process.exitCode = loop.exitOf(verdictOf(report.checks));
      });
    }
    let report = await loop.lookUntilHealthy(input, seconds('wait', flags.wait) * 1000);
    if (flags.fix !== undefined && (await this.#fix(report, {...input, plan: flags.plan}, flags.fix)))
      report = await loop.lookUntilHealthy(input, 30_000);
    this.log(await text(report));
    process.exitCode = loop.exitOf(verdictOf(report.checks));
  }

  /** Says each change on stderr before it is made; answers whether there was one. */
  async #fix(
    {checks}: StatusReport,
    input: Omit<Parameters<typeof import('../bootstrap/fix/fix.ts').applyFixes>[1], 'codes'>,
    words: string,
  ): Promise<boolean> {
    const {applyFixes, fixesFor} = await import('../bootstrap/fix/fix.ts');
    const {codesOf} = await import('../bootstrap/status/status-loop.ts');
    const codes = words === 'all' ? undefined : codesOf([words]);
    const findings = checks.flatMap((check) => (check.state === 'found' ? check.findings : []));
    const fixes = await fixesFor(findings, {codes});
    if (fixes.length === 0 && findings.length > 0) this.logToStderr('nothing of it can be fixed by itself');
    const verb = input.plan ? 'would fix' : 'fix';
    await applyFixes(fixes, {...input, codes}, ({code, text}) =>
      this.logToStderr(`${verb} ${code}: ${text}`),
    );
    return fixes.length > 0 && !input.plan;
  }

  async #undo(input: Parameters<typeof import('../bootstrap/fix/fix.ts').undoFixes>[0]): Promise<void> {
    const {undone, left} = await (await import('../bootstrap/fix/fix.ts')).undoFixes(input);
    for (const line of undone) this.log(`taken back: ${line}`);
    for (const line of left) this.log(`left as it is: ${line}`);
    if (undone.length + left.length === 0) this.log('--fix has changed nothing on this machine');
    process.exitCode = left.length === 0 ? 0 : 1;
  }
}

async function textOf(report: StatusReport, output: StatusOutput, whole: boolean): Promise<string> {
  const {statusOutput} = await import('../ui/status/status-output.ts');
  const {verdictOf} = await import('../checks/node/verdict.ts');
  const {catalogue} = await import('../lib/codes/catalogue.ts');
  const fixes = Object.fromEntries(Object.entries(catalogue).map(([code, {fix}]) => [code, fix]));
  return statusOutput(output, {...verdictOf(report.checks), ...report}, fixes, whole);
}

function seconds(flag: string, text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d+$/.test(text)) return Number(text);
  throw new NodectlError('ND904', `--${flag}=${text} is not a number of seconds`);
}
