import {hostname} from 'node:os';
import {join} from 'node:path';
import {Flags} from '@oclif/core';
import {normaliseArguments} from '../config/kubelet/argv.ts';
import type {KubeletFlags, Source} from '../config/kubelet.ts';
import {listDirectory, readText} from '../edges/files/files.ts';
import {nameProcess} from '../edges/process/program.ts';
import {NodectlError} from '../lib/errors.ts';
import {DaemonCommand} from './daemon-command.ts';

const text = (description: string) => Flags.string({description});
const number = (description: string) => Flags.integer({description});
const booleans = ['fail-swap-on', 'fail-cgroupv1', 'seccomp-default'];
const bool = (description: string) => Flags.string({description, options: ['true', 'false']});

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
    'container-runtime-endpoint': text('CRI socket'),
    'image-service-endpoint': text('CRI socket for images, when it is another'),
    'feature-gates': text('Name=true,...'),
    'pod-infra-container-image': text('ignored: the container runtime knows its pause image'),
    'cgroup-root': text('cgroup below which pods are'),
    'cgroup-driver': text('cgroupfs or systemd'),
    'container-log-dir': text('symlinks for log collectors (/var/log/containers)'),
    'pod-logs-dir': text('logs of pods (/var/log/pods)'),
    'resolv-conf': text('resolver configuration that pods begin with'),
    'cluster-dns': text('DNS servers of pods, with commas'),
    'cluster-domain': text('domain of Services'),
    address: text('address to serve on'),
    port: number('port of the kubelet API'),
    'healthz-port': number('port of /healthz, 0 for none'),
    'healthz-bind-address': text('address of /healthz'),
    'max-pods': number('pods that fit on this node'),
    'pod-manifest-path': text('directory of static pods'),
    'provider-id': text('identity of the machine at its provider'),
    'client-ca-file': text('CA of the certificates that clients may show'),
    'image-credential-provider-config': text(
      'file or directory with a CredentialProviderConfig: programs that know logins of registries',
    ),
    'image-credential-provider-bin-dir': text('directory of those programs'),
    'fail-swap-on': bool('refuse to start while swap is on'),
    'fail-cgroupv1': bool('refuse to start on cgroup v1'),
    'seccomp-default': bool('RuntimeDefault for containers that name no seccomp profile'),
    'report-version': text('Kubernetes release to report, for an API server that is older than this kubelet'),
    v: Flags.integer({char: 'v', description: 'verbosity; from 4 on, debugging'}),
  };

  async run(): Promise<void> {
    await nameProcess('kubelet');
    const {flags} = await this.parse(Kubelet, normaliseArguments(this.argv));
    const {loadKubeletConfig} = await import('../config/kubelet.ts');
    const {jsonLogger} = await import('../edges/logs/log.ts');
    const {keepHeapSmall} = await import('../edges/machine/heap.ts');
    const {endingSignal} = await import('../edges/process/process-life.ts');
    const {runKubelet} = await import('../kubelet/run.ts');
    const sources = await readSources(flags.config, flags['config-dir']);
    const {config, warnings} = loadKubeletConfig(sources, given(flags), hostname());
    const log = jsonLogger('kubelet', config.verbosity >= 4 ? 'debug' : 'info');
    for (const warning of warnings) log.warn(warning);
    keepHeapSmall({growthPercent: 30, turbofan: false});
    await runKubelet(config, endingSignal(), log);
  }
}

async function readSources(file: string | undefined, directory: string | undefined): Promise<Source[]> {
  const dropIns = directory === undefined ? [] : await listDirectory(directory);
  const paths = dropIns.filter((name) => name.endsWith('.conf')).map((name) => join(directory ?? '', name));
  return Promise.all([...(file === undefined ? [] : [file]), ...paths].map(readSource));
}

async function readSource(path: string): Promise<Source> {
  const content = await readText(path);
  if (content === undefined) throw new NodectlError('ND701', `${path}: there is no such file`);
  return {path, text: content};
}

type Parsed = Awaited<ReturnType<Kubelet['parse']>>['flags'];

/** Flags by the names that the configuration gives them. */
function given(flags: Parsed): KubeletFlags {
  const camel = (name: string) => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  const renamed = Object.entries(flags).map(([name, value]) => [
    name === 'v' ? 'verbosity' : camel(name),
    booleans.includes(name) ? value === 'true' : value,
  ]);
  return Object.fromEntries(renamed);
}
