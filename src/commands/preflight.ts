import {hostname} from 'node:os';
import {Flags} from '@oclif/core';
import {ownProgram} from '../edges/process/program.ts';
import {catalogue} from '../lib/codes/catalogue.ts';
import {exits} from '../lib/codes/entry.ts';
import {BaseCommand, outputFlag} from '../ui/base-command.ts';

export default class Preflight extends BaseCommand {
  static override summary = 'Say whether this machine can become a node; changes nothing';
  static override flags = {
    'node-name': Flags.string({description: 'default: this machine’s name'}),
    'ignore-preflight-errors': Flags.string({
      multiple: true,
      description: 'names or codes of checks, or all',
    }),
    root: Flags.string({description: 'the directory that would be given to join'}),
    output: outputFlag,
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(Preflight);
    const {checkMachine} = await import('../bootstrap/preflight.ts');
    const {nodeOptions} = await import('../config/join.ts');
    const {preflightTable} = await import('../ui/preflight-table.ts');
    const {terminalWidth} = await import('../ui/wrap.ts');
    const options = nodeOptions({
      hostname: hostname(),
      nodeName: flags['node-name'],
      ignorePreflightErrors: flags['ignore-preflight-errors'],
      root: flags.root,
    });
    const signal = new AbortController().signal;
    const checks = await checkMachine(options, {program: ownProgram(), signal});
    if (flags.output === 'json') this.printJson({apiVersion: 'nodectl/v1', kind: 'Preflight', ...{checks}});
    else this.log(preflightTable(checks, terminalWidth()));
    const errors = checks.flatMap((check) =>
      check.state === 'found' ? check.findings.filter(({severity}) => severity === 'error') : [],
    );
    const [first] = errors;
    if (first !== undefined) process.exitCode = exits[catalogue[first.code].exit];
  }
}
