import {hostname} from 'node:os';
import {normaliseArguments} from '../../config/kubelet/argv.ts';
import {idleProxyFlags, proxyFieldFlags, proxyFlagRules} from '../../config/proxy/flag-names.ts';
import {readText} from '../../edges/files/files.ts';
import {nameProcess} from '../../edges/process/program.ts';
import {NodectlError} from '../../lib/errors.ts';
import {givenFlags} from '../given-flags.ts';
import {type Daemon, namedFlags, textFlag, textOf} from './flags.ts';

/** A word each: `kube-proxy --help` tells what they mean. */
const fields = namedFlags(proxyFieldFlags, () => textFlag('as kube-proxy, in its configuration'));
const idle = namedFlags(idleProxyFlags, () => ({description: 'ignored', hidden: true}));

/** What serves is in the kernel: nothing is lost with what has not ended by then. */
const endMs = 3_000;

export const daemon: Daemon = {
  flags: {
    config: textFlag('file with a KubeProxyConfiguration'),
    kubeconfig: textFlag('how to reach the API server, over clientConnection.kubeconfig'),
    'hostname-override': textFlag("the Node's name, when it is not the host name"),
    'proxy-mode': textFlag('nftables (the default) or iptables'),
    'cluster-cidr': textFlag('ranges of pod addresses'),
    'bind-address': textFlag("the node's own address, or the family to listen in"),
    'healthz-bind-address': textFlag('address and port of /healthz and /livez'),
    'metrics-bind-address': textFlag('address and port of /metrics'),
    'nodeport-addresses': textFlag('primary, or CIDRs of addresses that serve node ports'),
    'detect-local-mode': textFlag('how traffic of pods is recognised'),
    'pod-bridge-interface': textFlag('for BridgeInterface'),
    'pod-interface-name-prefix': textFlag('for InterfaceNamePrefix'),
    'conntrack-max-per-core': {integer: true, description: '0 leaves nf_conntrack_max alone'},
    'conntrack-min': {integer: true, description: 'the least nf_conntrack_max'},
    table: {description: 'name of the nftables tables', helpGroup: 'NODECTL'},
    cleanup: textFlag('remove the rules of nodectl proxy and exit'),
    'init-only': textFlag('set what the proxy needs of the kernel and exit'),
    v: {integer: true, char: 'v', description: 'verbosity; from 4 on, debugging'},
    ...fields,
    ...idle,
  },
  normalise: (words) => normaliseArguments(words, proxyFlagRules),
  async run(values) {
    await nameProcess('kube-proxy');
    const {loadProxyConfig} = await import('../../config/proxy.ts');
    const {jsonLogger} = await import('../../edges/logs/log.ts');
    const {keepHeapSmall} = await import('../../edges/machine/heap.ts');
    const {endingSignal} = await import('../../edges/process/process-life.ts');
    const {cleanupProxy, initProxy, runProxy} = await import('../../proxy/run.ts');
    const {parseBoolean} = await import('../../config/proxy/field-flags.ts');
    // Before the first work, and after the last code was loaded: see there.
    const heap = keepHeapSmall({growthPercent: 15, compilers: 'the simplest'});
    const written = await source(textOf(values.config));
    const {config, warnings} = loadProxyConfig(written, givenFlags(values, fields, idle), hostname());
    if (parseBoolean('--cleanup', textOf(values.cleanup) ?? 'false')) return cleanupProxy(config);
    const log = jsonLogger('proxy', config.verbosity >= 4 ? 'debug' : 'info');
    for (const warning of warnings) log.warn(warning);
    if (parseBoolean('--init-only', textOf(values['init-only']) ?? 'false')) return initProxy(config, log);
    await runProxy(config, endingSignal({withinMs: endMs}), log, {heap, written});
  },
};

async function source(path: string | undefined): Promise<{path: string; text: string} | undefined> {
  if (path === undefined) return undefined;
  const text = await readText(path);
  if (text === undefined) throw new NodectlError('ND711', `${path}: there is no such file`);
  return {path, text};
}
