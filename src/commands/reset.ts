import {Flags} from '@oclif/core';
import {placeOf} from '../config/layout.ts';
import {ownProgram} from '../edges/process/program.ts';
import {BaseCommand, outputFlag} from '../ui/base-command.ts';
import {fromEnvironment} from '../ui/environment.ts';
import {resetSummary} from '../ui/join-summary.ts';
import {withSteps} from '../ui/progress/with-steps.ts';

export default class Reset extends BaseCommand {
  static override summary = 'Put this machine back to what it was before it joined';
  static override description =
    'Ends the pods, then undoes everything that nodectl noted in its journal, last change first. Names what it left.';
  static override flags = fromEnvironment({
    plan: Flags.boolean({aliases: ['dry-run'], description: 'show what would be undone, and change nothing'}),
    drain: Flags.boolean({default: true, allowNo: true, description: 'evict the pods through the API first'}),
    adopt: Flags.boolean({description: 'clean a worker that kubeadm joined; shows its plan unless --yes'}),
    yes: Flags.boolean({char: 'y', dependsOn: ['adopt'], description: 'do what --adopt shows'}),
    root: Flags.string({description: 'the directory that was given to join'}),
    output: {...outputFlag},
  });

  async run(): Promise<void> {
    const {flags} = await this.parse(Reset);
    const {resetNode} = await import('../bootstrap/undo/reset.ts');
    const {adoptNode} = await import('../bootstrap/adopt.ts');
    const {plan, drain, adopt, yes} = flags;
    const place = placeOf(flags.root);
    const result = await withSteps((steps) => {
      const deps = {...steps, program: ownProgram()};
      return adopt
        ? adoptNode({...place, plan: plan || !yes}, deps)
        : resetNode({...place, plan, drain}, deps);
    });
    if (flags.output === 'json') this.printJson({apiVersion: 'nodectl/v1', kind: 'ResetResult', ...result});
    else this.log(resetSummary(result, {adopted: adopt}));
  }
}
