import {hostLayout} from '../../config/layout.ts';
import {sandboxPaths} from '../../config/sandbox.ts';
import {readText} from '../../edges/files.ts';
import {NodectlError} from '../../lib/errors.ts';
import {BaseCommand} from '../../ui/base-command.ts';

export default class SandboxKubeconfig extends BaseCommand {
  static override summary = "Print the administrator's kubeconfig of the sandbox";
  static override examples = ['sudo <%= config.bin %> sandbox kubeconfig > kubeconfig'];

  async run(): Promise<void> {
    const text = await readText(sandboxPaths({layout: hostLayout}).adminKubeconfig);
    if (text === undefined) throw new NodectlError('ND801', 'this machine has no sandbox');
    process.stdout.write(text);
  }
}
