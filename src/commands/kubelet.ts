import {hostname} from 'node:os';
import {Flags} from '@oclif/core';
import {normaliseArguments} from '../config/kubelet/argv.ts';
import {fieldFlags, idleBooleans, idleFlags} from '../config/kubelet/field-flags.ts';
import {readKubeletSources} from '../edges/files/kubelet-sources.ts';
import {nameProcess} from '../edges/process/program.ts';
import {DaemonCommand} from './daemon-command.ts';
import {givenFlags} from './given-flags.ts';

const text = (description: string) => Flags.string({description});
/** A word each: README and `kubelet --help` tell what they mean. */
const fields = Object.fromEntries(
  Object.entries(fieldFlags).map(([name, [path]]) => [name, text(`sets ${path}`)]),
);
const idle = Object.fromEntries(
  [...idleFlags, ...idleBooleans].map((name) => [name, Flags.string({description: 'ignored', hidden: true})]),
);

export default class Kubelet extends DaemonCommand {
  static override summary = 'Run the pods of this node (in the place of kubelet)';
  static override flags = {
    config: text('file with a KubeletConfiguration'),
    'config-dir': text('directory of drop-ins (*.conf) that are merged over it, in the order of their names'),
    kubeconfig: text('how to reach the API server; written when it is bootstrapped'),
    'bootstrap-kubeconfig': text('what asks for a client certificate while kubeconfig is missing or expired'),
    'root-dir': text('pods, their volumes and the kubelet’s state (/var/lib/kubelet)'),
    'cert-dir': text('certificates (pki below root-dir)'),
    'hostname-override': text('the Node’s name, when it is not the host name'),
    'node-ip': text('address of the node; two with a comma for dual stack'),
    'node-labels': text('labels of the Node when it registers: key=value,...'),
    'register-with-taints': text('taints of the Node when it registers: key=value:Effect,...'),
    'feature-gates': text('Name=true,...'),
    'container-log-dir': text('symlinks for log collectors (/var/log/containers)'),
    'image-credential-provider-config': text(
      'file or directory with a CredentialProviderConfig: programs that know logins of registries',
    ),
    'image-credential-provider-bin-dir': text('directory of those programs'),
    'cloud-provider': Flags.string({
      description: 'external: a cloud controller tells the addresses and takes the first taint away',
      options: ['', 'external'],
    }),
    'report-version': text('Kubernetes release to report, for an API server that is older than this kubelet'),
    v: Flags.integer({char: 'v', description: 'verbosity; from 4 on, debugging'}),
    ...fields,
    ...idle,
  };

  async run(): Promise<void> {
    await nameProcess('kubelet');
    const {flags} = await this.parse(Kubelet, normaliseArguments(this.argv));
    const {loadKubeletConfig} = await import('../config/kubelet.ts');
    const {jsonLogger} = await import('../edges/logs/log.ts');
    const {keepHeapSmall} = await import('../edges/machine/heap.ts');
    const {endingSignal} = await import('../edges/process/process-life.ts');
    const {runKubelet} = await import('../kubelet/run.ts');
    const {sources, skipped} = await readKubeletSources(flags.config, flags['config-dir']);
    const {config, warnings} = loadKubeletConfig(sources, givenFlags(flags, fields, idle), hostname());
    const log = jsonLogger('kubelet', config.verbosity >= 4 ? 'debug' : 'info');
    for (const warning of [...warnings, ...skipped]) log.warn(warning);
    keepHeapSmall({growthPercent: 30, turbofan: false, youngGrowth: 2});
    await runKubelet(config, endingSignal(), log);
  }
}
