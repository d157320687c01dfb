import {hostname} from 'node:os';
import {Flags} from '@oclif/core';
import type {StatusReport} from '../bootstrap/status.ts';
import {categories} from '../checks/check.ts';
import {type Verdict, verdictOf} from '../checks/node/verdict.ts';
import {sleep} from '../edges/clock.ts';
import {ownProgram} from '../edges/program.ts';
import {catalogue} from '../lib/codes/catalogue.ts';
import {exits} from '../lib/codes/entry.ts';
import {NodectlError} from '../lib/errors.ts';
import {BaseCommand} from '../ui/base-command.ts';

const defaultWait = '300';
const lookAgainMs = 1000;

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
    wait: Flags.string({description: `look again until nothing is wrong (--wait=SECONDS; ${defaultWait})`}),
    root: Flags.string({description: 'the directory that was given to join'}),
    output: Flags.option({
      char: 'o',
      options: ['table', 'json', 'yaml'] as const,
      default: 'table' as const,
      description: 'table for people, json and yaml for scripts',
    })(),
  };
  static override examples = ['<%= config.bin %> status', '<%= config.bin %> status --wait=60 -o json'];

  async run(): Promise<void> {
    this.argv = this.argv.map((word) => (word === '--wait' ? `--wait=${defaultWait}` : word));
    const {flags} = await this.parse(Status);
    const {lookAtNode} = await import('../bootstrap/status.ts');
    const {nodeOptions} = await import('../config/join.ts');
    const options = nodeOptions({hostname: hostname(), root: flags.root});
    const wanted = selection(flags.category, flags.only);
    const until = performance.now() + seconds(flags.wait) * 1000;
    const stop = new AbortController();
    const look = () =>
      lookAtNode({options, root: flags.root, program: ownProgram(), signal: stop.signal, wanted});
    let report = await look();
    while (verdictOf(report.checks).state !== 'healthy' && performance.now() + lookAgainMs < until) {
      await sleep(lookAgainMs);
      report = await look();
    }
    const verdict = verdictOf(report.checks);
    const whole = flags.category === undefined && flags.only === undefined;
    await this.#show(report, verdict, flags.output, whole);
    process.exitCode = exitOf(verdict);
  }

  async #show(
    report: StatusReport,
    verdict: Verdict,
    output: 'table' | 'json' | 'yaml',
    whole: boolean,
  ): Promise<void> {
    const document = {apiVersion: 'nodectl/v1', kind: 'NodeStatus', ...verdict, ...report};
    if (output === 'json') return this.printJson(document);
    if (output === 'yaml') return this.log((await import('../ui/yaml.ts')).yamlText(document));
    const {statusText} = await import('../ui/status-text.ts');
    const {terminalWidth} = await import('../ui/wrap.ts');
    const fixes = Object.fromEntries(Object.entries(catalogue).map(([code, {fix}]) => [code, fix]));
    const node = whole ? report.node : undefined;
    this.log(statusText({...verdict, checks: report.checks, node, fixes}, terminalWidth()));
  }
}

function selection(inCategory: readonly string[] = [], codes: readonly string[] = []) {
  const only = codes.flatMap((code) => code.toUpperCase().split(','));
  const known = Object.keys(catalogue);
  const unknown = only.find((code) => !known.includes(code));
  if (unknown !== undefined)
    throw new NodectlError('ND904', `there is no code ${unknown}`, {next: ['nodectl explain']});
  return (check: {readonly category: string; readonly codes?: readonly string[]}): boolean =>
    (inCategory.length === 0 || inCategory.includes(check.category)) &&
    (only.length === 0 || (check.codes ?? []).some((code) => only.includes(code)));
}

function seconds(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d+$/.test(text)) return Number(text);
  throw new NodectlError('ND904', `--wait=${text} is not a number of seconds`);
}

function exitOf({state, cause}: Verdict): number {
  if (state === 'healthy') return exits.done;
  if (state === 'warnings' || cause === undefined) return exits.failed;
  return exits[catalogue[cause.code].exit];
}
