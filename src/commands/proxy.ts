import {hostname} from 'node:os';
import {Flags} from '@oclif/core';
import {normaliseArguments} from '../config/kubelet/argv.ts';
import {idleProxyFlags, proxyFieldFlags, proxyFlagRules} from '../config/proxy/flag-names.ts';
import {readText} from '../edges/files/files.ts';
import {nameProcess} from '../edges/process/program.ts';
import {NodectlError} from '../lib/errors.ts';
import {DaemonCommand} from './daemon-command.ts';
import {givenFlags} from './given-flags.ts';

const text = (description: string) => Flags.string({description});
/** A word each: `kube-proxy --help` tells what they mean. */
const fields = Object.fromEntries(
  proxyFieldFlags.map((name) => [name, text('as kube-proxy, in its configuration')]),
);
const idle = Object.fromEntries(
  idleProxyFlags.map((name) => [name, Flags.string({description: 'ignored', hidden: true})]),
);

export default class ServeProxy extends DaemonCommand {
  static override summary = 'Serve Services on this node (in the place of kube-proxy)';
  static override flags = {
    config: Flags.string({description: 'file with a KubeProxyConfiguration'}),
    kubeconfig: Flags.string({description: 'how to reach the API server, over clientConnection.kubeconfig'}),
    'hostname-override': Flags.string({description: "the Node's name, when it is not the host name"}),
    'proxy-mode': Flags.string({description: 'nftables (the default) or iptables'}),
    'cluster-cidr': Flags.string({description: 'ranges of pod addresses'}),
    'bind-address': Flags.string({description: "the node's own address, or the family to listen in"}),
    'healthz-bind-address': Flags.string({description: 'address and port of /healthz and /livez'}),
    'metrics-bind-address': Flags.string({description: 'address and port of /metrics'}),
    'nodeport-addresses': Flags.string({description: 'primary, or CIDRs of addresses that serve node ports'}),
    'detect-local-mode': Flags.string({description: 'how traffic of pods is recognised'}),
    'pod-bridge-interface': Flags.string({description: 'for BridgeInterface'}),
    'pod-interface-name-prefix': Flags.string({description: 'for InterfaceNamePrefix'}),
    'conntrack-max-per-core': Flags.integer({description: '0 leaves nf_conntrack_max alone'}),
    'conntrack-min': Flags.integer({description: 'the least nf_conntrack_max'}),
    table: Flags.string({description: 'name of the nftables tables', helpGroup: 'NODECTL'}),
    cleanup: Flags.string({description: 'remove the rules of nodectl proxy and exit'}),
    'init-only': Flags.string({description: 'set what the proxy needs of the kernel and exit'}),
    v: Flags.integer({char: 'v', description: 'verbosity; from 4 on, debugging'}),
    ...fields,
    ...idle,
  };

  async run(): Promise<void> {
    await nameProcess('kube-proxy');
    const {flags} = await this.parse(ServeProxy, normaliseArguments(this.argv, proxyFlagRules));
    const {loadProxyConfig} = await import('../config/proxy.ts');
    const {jsonLogger} = await import('../edges/logs/log.ts');
    const {endingSignal} = await import('../edges/process/process-life.ts');
    const {cleanupProxy, initProxy, runProxy} = await import('../proxy/run.ts');
    const {parseBoolean} = await import('../config/proxy/field-flags.ts');
    const written = await source(flags.config);
    const {config, warnings} = loadProxyConfig(written, givenFlags(flags, fields, idle), hostname());
    if (parseBoolean('--cleanup', flags.cleanup ?? 'false')) return cleanupProxy(config);
    const log = jsonLogger('proxy', config.verbosity >= 4 ? 'debug' : 'info');
    for (const warning of warnings) log.warn(warning);
    if (parseBoolean('--init-only', flags['init-only'] ?? 'false')) return initProxy(config, log);
    await runProxy(config, endingSignal(), log, written);
  }
}

async function source(path: string | undefined): Promise<{path: string; text: string} | undefined> {
  if (path === undefined) return undefined;
  const text = await readText(path);
  if (text === undefined) throw new NodectlError('ND711', `${path}: there is no such file`);
  return {path, text};
}
