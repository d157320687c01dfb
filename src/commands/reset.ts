import {Flags} from '@oclif/core';
import {hostLayout, layoutBelow} from '../config/layout.ts';
import {ownProgram} from '../edges/program.ts';
import {BaseCommand, outputFlag} from '../ui/base-command.ts';
import {resetSummary} from '../ui/join-summary.ts';

export default class Reset extends BaseCommand {
  static override summary = 'Put this machine back to what it was before it joined';
  static override description =
    'Ends the pods, then undoes everything that nodectl noted in its journal, last change first. Names what it left.';
  static override flags = {
    plan: Flags.boolean({aliases: ['dry-run'], description: 'show what would be undone, and change nothing'}),
    drain: Flags.boolean({default: true, allowNo: true, description: 'evict the pods through the API first'}),
    root: Flags.string({description: 'the directory that was given to join'}),
    output: outputFlag,
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(Reset);
    const {resetNode} = await import('../bootstrap/reset.ts');
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort(new Error('interrupted')));
    const options = {
      layout: flags.root === undefined ? hostLayout : layoutBelow(flags.root),
      ownLayout: flags.root !== undefined,
      plan: flags.plan,
      drain: flags.drain,
    };
    const onStep = (text: string) => void process.stderr.write(`  ${text}\n`);
    const result = await resetNode(options, {onStep, signal: stop.signal, program: ownProgram()});
    if (flags.output === 'json') this.printJson({apiVersion: 'nodectl/v1', kind: 'ResetResult', ...result});
    else this.log(resetSummary(result));
  }
}
