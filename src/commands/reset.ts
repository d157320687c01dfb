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
    adopt: Flags.boolean({description: 'clean a worker that kubeadm joined; shows its plan unless --yes'}),
    yes: Flags.boolean({char: 'y', dependsOn: ['adopt'], description: 'do what --adopt shows'}),
    root: Flags.string({description: 'the directory that was given to join'}),
    output: outputFlag,
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(Reset);
    const {resetNode} = await import('../bootstrap/reset.ts');
    const {adoptNode} = await import('../bootstrap/adopt.ts');
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort(new Error('interrupted')));
    const options = {
      layout: flags.root === undefined ? hostLayout : layoutBelow(flags.root),
      ownLayout: flags.root !== undefined,
      plan: flags.plan,
      drain: flags.drain,
    };
    const onStep = (text: string) => void process.stderr.write(`  ${text}\n`);
    const deps = {onStep, signal: stop.signal, program: ownProgram()};
    const result = flags.adopt
      ? await adoptNode({...options, plan: flags.plan || !flags.yes}, deps)
      : await resetNode(options, deps);
    if (flags.output === 'json') this.printJson({apiVersion: 'nodectl/v1', kind: 'ResetResult', ...result});
    else this.log(resetSummary(result));
  }
}
