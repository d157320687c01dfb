import {Args, Flags} from '@oclif/core';
import {BaseCommand} from '../ui/base-command.ts';
import {here, nodeFlags} from '../ui/node-command.ts';

export default class Inspect extends BaseCommand {
  static override summary =
    'Show all that the runtime knows of a pod of this node, or of one of its containers';
  static override description = 'Values of environment variables and other secrets are left out.';
  static override args = {
    pod: Args.string({required: true, description: 'POD, NAMESPACE/POD or the beginning of an ID'}),
  };
  static override flags = {
    ...nodeFlags,
    container: Flags.string({char: 'c', description: 'this container of it'}),
    output: Flags.option({
      char: 'o',
      options: ['yaml', 'json'] as const,
      default: 'yaml' as const,
      description: 'yaml for people, json for scripts',
    })(),
  };

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Inspect);
    const {nodeOptions} = await import('../config/join.ts');
    const {withRuntime} = await import('../bootstrap/status/runtime-view.ts');
    const {inspectPod} = await import('../bootstrap/status/inspect.ts');
    const {yamlText} = await import('../ui/yaml.ts');
    const document = await withRuntime(nodeOptions(here(flags.root)), (cri) =>
      inspectPod(cri, args.pod, flags.container, flags.namespace),
    );
    const whole = {apiVersion: 'nodectl/v1', kind: 'PodInspection', ...document};
    if (flags.output === 'json') this.printJson(whole);
    else this.log(yamlText(whole));
  }
}
