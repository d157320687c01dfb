import {Args, Flags} from '@oclif/core';
import {readInput} from '../edges/files/input.ts';
import {ownProgram} from '../edges/process/program.ts';
import {silent} from '../lib/log.ts';
import {BaseCommand, outputFlag} from '../ui/base-command.ts';
import {forgetSecrets, fromEnvironment} from '../ui/environment.ts';

export default class Apply extends BaseCommand {
  static override summary = 'Do what `nodectl join --plan -o json` planned, and nothing else';
  static override description =
    'Refuses when the machine or the cluster has changed since. Plans hold no secrets: give them again here.';
  static override args = {plan: Args.string({required: true, description: 'the plan’s file'})};
  static override flags = fromEnvironment({
    token: Flags.string({description: 'bootstrap token (- reads stdin, @FILE a file)'}),
    'discovery-token': Flags.string({description: 'the token for discovery only'}),
    'tls-bootstrap-token': Flags.string({description: 'the token for the certificate only'}),
    'discovery-file': Flags.string({description: 'kubeconfig of the cluster: a path or an https URL'}),
    'proxy-kubeconfig': Flags.string({description: 'identity of our proxy (system:node-proxier)'}),
    output: {...outputFlag},
  });

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Apply);
    const {joinNode} = await import('../bootstrap/join.ts');
    const {joinOptions} = await import('../config/join.ts');
    const {readPlanFile} = await import('../config/join/plan-file.ts');
    const {readDiscoveryFile} = await import('../edges/trust/discovery-file.ts');
    const {assetText} = await import('../edges/files/assets.ts');
    const {joinSummary} = await import('../ui/join-summary.ts');
    const {withProgress} = await import('../ui/progress/with-progress.ts');
    const {'discovery-file': discovery, 'proxy-kubeconfig': proxy} = flags;
    const planned = readPlanFile(args.plan, await readInput(`@${args.plan}`));
    const options = joinOptions({
      ...planned.input,
      token: await readInput(flags.token),
      discoveryToken: await readInput(flags['discovery-token']),
      tlsBootstrapToken: await readInput(flags['tls-bootstrap-token']),
      discoveryFile: discovery === undefined ? undefined : await readDiscoveryFile(discovery),
      proxyKubeconfig: proxy === undefined ? undefined : await readInput(`@${proxy}`),
      builtInDigests: assetText('templates/runtime.sha256'),
    });
    forgetSecrets();
    const result = await withProgress((deps) =>
      joinNode(options, {...deps, log: silent, program: ownProgram(), planned}),
    );
    if (flags.output === 'json') this.printJson({apiVersion: 'nodectl/v1', kind: 'JoinResult', ...result});
    else this.log(joinSummary(result));
  }
}
