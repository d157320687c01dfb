import {Flags} from '@oclif/core';
import {hostLayout, layoutBelow} from '../../config/layout.ts';
import {BaseCommand} from '../../ui/base-command.ts';

export default class SandboxKubeconfig extends BaseCommand {
  static override summary = "Print the administrator's kubeconfig of the sandbox";
  static override examples = [
    'sudo <%= config.bin %> sandbox kubeconfig > kubeconfig',
    'sudo <%= config.bin %> sandbox kubeconfig --proxy > proxy.conf  # for nodectl join --proxy-kubeconfig',
  ];
  static override flags = {
    proxy: Flags.boolean({description: 'the identity of service proxies (system:node-proxier) instead'}),
    root: Flags.string({description: 'the directory that was given to sandbox up', hidden: true}),
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(SandboxKubeconfig);
    const {adminKubeconfig, proxyKubeconfig} = await import('../../bootstrap/sandbox/kubeconfigs.ts');
    const layout = flags.root === undefined ? hostLayout : layoutBelow(flags.root);
    process.stdout.write(await (flags.proxy ? proxyKubeconfig({layout}) : adminKubeconfig({layout})));
  }
}
