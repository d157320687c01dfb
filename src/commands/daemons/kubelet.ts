import {hostname} from 'node:os';
import {normaliseArguments} from '../../config/kubelet/argv.ts';
import {fieldFlags, idleBooleans, idleFlags} from '../../config/kubelet/field-flags.ts';
import {readKubeletSources} from '../../edges/files/kubelet-sources.ts';
import {nameProcess} from '../../edges/process/program.ts';
import {givenFlags} from '../given-flags.ts';
import {type Daemon, namedFlags, textFlag, textOf} from './flags.ts';

const paths: Readonly<Record<string, readonly unknown[]>> = fieldFlags;
/** A word each: README and `kubelet --help` tell what they mean. */
const fields = namedFlags(Object.keys(paths), (name) => textFlag(`sets ${paths[name]?.[0]}`));
const idle = namedFlags([...idleFlags, ...idleBooleans], () => ({description: 'ignored', hidden: true}));

export const daemon: Daemon = {
  flags: {
    config: textFlag('file with a KubeletConfiguration'),
    'config-dir': textFlag(
      'directory of drop-ins (*.conf) that are merged over it, in the order of their names',
    ),
    kubeconfig: textFlag('how to reach the API server; written when it is bootstrapped'),
    'bootstrap-kubeconfig': textFlag(
      'what asks for a client certificate while kubeconfig is missing or expired',
    ),
    'root-dir': textFlag('pods, their volumes and the kubelet’s state (/var/lib/kubelet)'),
    'cert-dir': textFlag('certificates (pki below root-dir)'),
    'hostname-override': textFlag('the Node’s name, when it is not the host name'),
    'node-ip': textFlag('address of the node; two with a comma for dual stack'),
    'node-labels': textFlag('labels of the Node when it registers: key=value,...'),
    'register-with-taints': textFlag('taints of the Node when it registers: key=value:Effect,...'),
    'feature-gates': textFlag('Name=true,...'),
    'container-log-dir': textFlag('symlinks for log collectors (/var/log/containers)'),
    'runtime-cgroups': textFlag('cgroup of the container runtime, of which /stats/summary tells'),
    'image-credential-provider-config': textFlag(
      'file or directory with a CredentialProviderConfig: programs that know logins of registries',
    ),
    'image-credential-provider-bin-dir': textFlag('directory of those programs'),
    'cloud-provider': {
      description: 'external: a cloud controller tells the addresses and takes the first taint away',
      options: ['', 'external'],
    },
    'report-version': textFlag(
      'Kubernetes release to report, for an API server that is older than this kubelet',
    ),
    v: {integer: true, char: 'v', description: 'verbosity; from 4 on, debugging'},
    ...fields,
    ...idle,
  },
  normalise: (words) => normaliseArguments(words),
  async run(values) {
    await nameProcess('kubelet');
    const {loadKubeletConfig} = await import('../../config/kubelet.ts');
    const {daemonLog} = await import('../../edges/logs/log.ts');
    const {keepHeapSmall} = await import('../../edges/machine/heap.ts');
    const {endingSignal} = await import('../../edges/process/process-life.ts');
    const {runKubelet} = await import('../../kubelet/run.ts');
    const {sources, skipped} = await readKubeletSources(textOf(values.config), textOf(values['config-dir']));
    const {config, warnings} = loadKubeletConfig(sources, givenFlags(values, fields, idle), hostname());
    const {log, setVerbosity} = daemonLog('kubelet', config.logging.format, config.verbosity);
    for (const warning of [...warnings, ...skipped]) log.warn(warning);
    keepHeapSmall({growthPercent: 30, compilers: 'but the highest', youngGrowth: 2});
    await runKubelet(config, endingSignal(), log, setVerbosity);
  },
};
