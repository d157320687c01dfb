import {hostname} from 'node:os';
import {Args, Flags} from '@oclif/core';
import {readInput} from '../edges/input.ts';
import {ownProgram} from '../edges/program.ts';
import {silent} from '../lib/log.ts';
import {BaseCommand, outputFlag} from '../ui/base-command.ts';

export default class Join extends BaseCommand {
  static override summary = 'Make this machine a node of a cluster';
  static override description =
    'Takes what `kubeadm token create --print-join-command` prints, with the first word replaced. Safe to repeat.';
  static override args = {endpoint: Args.string({description: 'HOST:PORT of the API server'})};
  static override flags = {
    token: Flags.string({env: 'NODECTL_TOKEN', description: 'bootstrap token (- reads stdin, @FILE a file)'}),
    'discovery-token': Flags.string({
      env: 'NODECTL_DISCOVERY_TOKEN',
      description: 'the token for discovery only',
    }),
    'tls-bootstrap-token': Flags.string({
      env: 'NODECTL_TLS_BOOTSTRAP_TOKEN',
      description: 'the token for the certificate only',
    }),
    'discovery-token-ca-cert-hash': Flags.string({
      multiple: true,
      env: 'NODECTL_DISCOVERY_TOKEN_CA_CERT_HASH',
      description: 'sha256:HEX of the cluster CA’s public key',
    }),
    'discovery-token-unsafe-skip-ca-verification': Flags.boolean({
      description: 'trust any CA that the token vouches for',
    }),
    'discovery-file': Flags.string({description: 'kubeconfig with the cluster’s address and CA'}),
    'node-name': Flags.string({env: 'NODECTL_NODE_NAME', description: 'default: this machine’s name'}),
    'node-ip': Flags.string({env: 'NODECTL_NODE_IP', description: 'address of the node; two for dual stack'}),
    'cri-socket': Flags.string({description: 'CRI socket of the container runtime'}),
    cni: Flags.option({
      options: ['bridge', 'none'] as const,
      default: 'none' as const,
      description: 'bridge: for clusters that bring no network',
    })(),
    proxy: Flags.option({
      options: ['nodectl', 'none'] as const,
      description: 'who serves Services on this node',
    })(),
    'proxy-kubeconfig': Flags.string({description: 'identity of our proxy (system:node-proxier)'}),
    wait: Flags.option({
      options: ['registered', 'ready', 'none'] as const,
      default: 'ready' as const,
      description: 'what to wait for',
    })(),
    'wait-timeout': Flags.integer({default: 240, description: 'seconds'}),
    plan: Flags.boolean({aliases: ['dry-run'], description: 'show what would change, and change nothing'}),
    'ignore-preflight-errors': Flags.string({
      multiple: true,
      description: 'names or codes of checks, or all',
    }),
    root: Flags.string({description: 'keep everything below one directory: a second node on this machine'}),
    output: outputFlag,
  };

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Join);
    const {joinNode} = await import('../bootstrap/join.ts');
    const {joinOptions} = await import('../config/join.ts');
    const {joinSummary} = await import('../ui/join-summary.ts');
    const {showProgress} = await import('../ui/progress.ts');
    const given = await secrets(flags);
    const options = joinOptions({
      ...given,
      endpoint: args.endpoint,
      caCertHashes: flags['discovery-token-ca-cert-hash'],
      unsafeSkipCaVerification: flags['discovery-token-unsafe-skip-ca-verification'],
      nodeName: flags['node-name'],
      hostname: hostname(),
      criSocket: flags['cri-socket'],
      nodeIp: flags['node-ip'],
      cni: flags.cni,
      proxy: flags.proxy,
      wait: flags.wait,
      waitTimeoutMs: flags['wait-timeout'] * 1000,
      plan: flags.plan,
      ignorePreflightErrors: flags['ignore-preflight-errors'],
      root: flags.root,
    });
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort(new Error('interrupted')));
    const progress = showProgress();
    const deps = {log: silent, onEvent: progress.onEvent, signal: stop.signal, program: ownProgram()};
    const result = await joinNode(options, deps).catch(async (error: unknown) => {
      await progress.end(error);
      throw error;
    });
    await progress.end();
    if (flags.output === 'json') this.printJson({apiVersion: 'nodectl/v1', kind: 'JoinResult', ...result});
    else this.log(joinSummary(result));
  }
}

type Flagged = Awaited<ReturnType<Join['parse']>>['flags'];

/** Values that may be given as `-` (stdin) or `@FILE`, and files of kubeconfigs. */
async function secrets(flags: Flagged) {
  const file = async (path: string | undefined) => (path === undefined ? undefined : readInput(`@${path}`));
  return {
    token: await readInput(flags.token),
    discoveryToken: await readInput(flags['discovery-token']),
    tlsBootstrapToken: await readInput(flags['tls-bootstrap-token']),
    discoveryKubeconfig: await file(flags['discovery-file']),
    proxyKubeconfig: await file(flags['proxy-kubeconfig']),
  };
}
