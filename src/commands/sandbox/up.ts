import {hostname} from 'node:os';
import {Flags} from '@oclif/core';
import {hostLayout, layoutBelow} from '../../config/layout.ts';
import {ownProgram} from '../../edges/process/program.ts';
import {silent} from '../../lib/log.ts';
import {BaseCommand, outputFlag} from '../../ui/base-command.ts';
import {sandboxSummary} from '../../ui/sandbox-summary.ts';

export default class SandboxUp extends BaseCommand {
  static override summary =
    'Start a one-machine cluster here, join this machine to it and prove that it works';
  static override description =
    'Installs what is missing, starts the embedded control plane, joins this machine as `nodectl join` does, runs two ' +
    'hello pods and asks them through their Service. Run again, it changes nothing. Not for production.';
  static override examples = ['sudo <%= config.bin %> sandbox up'];
  static override flags = {
    output: outputFlag,
    address: Flags.string({
      description: 'IP of this machine that nodes and pods reach (default: that of the default route)',
    }),
    port: Flags.integer({description: 'port of the API server', default: 6443}),
    'dns-port': Flags.integer({description: 'port of cluster DNS at the address', default: 10053}),
    'node-name': Flags.string({description: 'name of the node (default: the host name)'}),
    root: Flags.string({
      description: 'keep everything below this directory instead of the usual places',
      hidden: true,
    }),
  };

  async run(): Promise<void> {
    const {flags} = await this.parse(SandboxUp);
    const {withProgress} = await import('../../ui/progress/with-progress.ts');
    const {sandboxUp} = await import('../../bootstrap/sandbox/up.ts');
    const {primaryAddress} = await import('../../edges/network/node-addresses.ts');
    const settings = {
      layout: flags.root === undefined ? hostLayout : layoutBelow(flags.root),
      root: flags.root,
      address: flags.address ?? (await primaryAddress()),
      port: flags.port,
      dnsPort: flags['dns-port'],
      nodeName: (flags['node-name'] ?? hostname()).toLowerCase(),
    };
    const common = {log: silent, program: ownProgram()};
    const result = await withProgress((deps) => sandboxUp(settings, {...common, ...deps}));
    if (flags.output === 'json') this.printJson({apiVersion: 'nodectl/v1', kind: 'SandboxUp', ...result});
    else this.log(sandboxSummary(result));
  }
}
