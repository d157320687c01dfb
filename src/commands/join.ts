import {hostname} from 'node:os';
import {Args, Flags} from '@oclif/core';
import type {JoinResult} from '../bootstrap/join.ts';
import type {JoinFile} from '../config/join/file.ts';
import type {JoinInput} from '../config/join.ts';
import type {RuntimeSourceInput} from '../config/runtime/runtime-source.ts';
import {readInput, readPatches} from '../edges/files/input.ts';
import {ownProgram} from '../edges/process/program.ts';
import {silent} from '../lib/log.ts';
import {BaseCommand, outputFlag} from '../ui/base-command.ts';
import {forgetSecrets, fromEnvironment, list} from '../ui/environment.ts';

export default class Join extends BaseCommand {
  static override summary = 'Make this machine a node of a cluster';
  static override description =
    'Takes what `kubeadm token create --print-join-command` prints, with the first word replaced. Safe to repeat.';
  static override args = {endpoint: Args.string({description: 'HOST:PORT of the API server'})};
  static override flags = fromEnvironment({
    config: Flags.string({description: 'kubeadm’s JoinConfiguration; flags win over it'}),
    token: Flags.string({description: 'bootstrap token (- reads stdin, @FILE a file)'}),
    'discovery-token': Flags.string({description: 'the token for discovery only'}),
    'tls-bootstrap-token': Flags.string({description: 'the token for the certificate only'}),
    'discovery-token-ca-cert-hash': Flags.string({
      multiple: true,
      description: 'sha256:HEX of the cluster CA’s public key',
    }),
    'discovery-token-unsafe-skip-ca-verification': Flags.boolean({
      description: 'trust any CA that the token vouches for',
    }),
    'discovery-file': Flags.string({description: 'kubeconfig of the cluster: a path or an https URL'}),
    'discovery-timeout': Flags.integer({
      description: 'seconds to ask again while the API server is not there',
    }),
    'node-name': Flags.string({description: 'default: this machine’s name'}),
    'node-ip': Flags.string({description: 'auto, an address, a range or an interface; two for dual stack'}),
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
    'runtime-source': Flags.option({
      options: ['distro', 'archive', 'present'] as const,
      description: 'packages (default), verified release archives, or what is there',
    })(),
    'runtime-archives': Flags.string({description: 'directory or URL with the archives'}),
    'runtime-digests': Flags.string({description: 'their SHA-256, as sha256sum writes them'}),
    airgap: Flags.string({description: 'bundle of `nodectl bundle airgap`: a directory or a tar archive'}),
    wait: Flags.option({
      options: ['registered', 'ready', 'schedulable', 'none'] as const,
      default: 'ready' as const,
      description: 'what to wait for',
    })(),
    'wait-timeout': Flags.integer({default: 240, description: 'seconds'}),
    plan: Flags.boolean({aliases: ['dry-run'], description: 'show what would change, and change nothing'}),
    'open-firewall': Flags.boolean({description: 'open the kubelet’s port in firewalld or ufw'}),
    patches: Flags.string({
      description: 'directory with kubeadm’s patches; those of kubeletconfiguration count',
    }),
    'skip-phases': Flags.string({multiple: true, description: 'phases to leave out, ours or kubeadm’s'}),
    'ignore-preflight-errors': Flags.string({
      multiple: true,
      description: 'names or codes of checks, or all',
    }),
    root: Flags.string({description: 'keep everything below one directory: a second node on this machine'}),
    output: {...outputFlag},
  });

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Join);
    const {joinNode} = await import('../bootstrap/join.ts');
    const {joinOptions} = await import('../config/join.ts');
    const {joinSummary} = await import('../ui/join-summary.ts');
    const {withProgress} = await import('../ui/progress/with-progress.ts');
    const input = await gather(args.endpoint ?? process.env.NODECTL_ENDPOINT, flags);
    forgetSecrets();
    const options = joinOptions(input);
    const result = await withProgress((deps) =>
      joinNode(options, {...deps, log: silent, program: ownProgram()}),
    );
    if (flags.output === 'json') this.printJson(await document(input, result));
    else this.log(joinSummary(result));
  }
}

/** A plan can be applied, so it has all of the join's input but its secrets. */
async function document(input: JoinInput, result: JoinResult) {
  const of = {apiVersion: 'nodectl/v1', kind: 'JoinResult'};
  if (result.plan === undefined) return {...of, ...result};
  const {withoutSecrets} = await import('../config/join/plan-file.ts');
  const {nodeName, addresses, warnings} = result;
  return {...of, kind: 'JoinPlan', nodeName, ...result.plan, addresses, warnings, ...withoutSecrets(input)};
}

type Flagged = Awaited<ReturnType<Join['parse']>>['flags'];

/** The --config file, and over it what flags and the environment say. */
async function gather(endpoint: string | undefined, flags: Flagged): Promise<JoinInput> {
  const {mergeInput} = await import('../config/join/merge.ts');
  const {readDiscoveryFile} = await import('../edges/trust/discovery-file.ts');
  const file = await configFile(flags.config);
  const own = {
    ...(await flagInput(endpoint, flags)),
    ...(await patched(flags.patches ?? file.patchesDirectory)),
  };
  const byFlags = own.token ?? own.discoveryToken ?? endpoint;
  const place = flags['discovery-file'] ?? (byFlags === undefined ? file.discoveryFile : undefined);
  const discoveryFile = place === undefined ? undefined : await readDiscoveryFile(place);
  return flags['discovery-file'] === undefined
    ? mergeInput({...file.input, discoveryFile}, own)
    : mergeInput(file.input, {...own, discoveryFile});
}

async function patched(directory: string | undefined): Promise<Pick<JoinInput, 'kubeletPatches'>> {
  if (directory === undefined || directory === '') return {};
  const {kubeletPatches} = await import('../config/join/patches.ts');
  return {kubeletPatches: kubeletPatches(await readPatches(directory))};
}

/** Digests and the bundle are read here; the archives themselves are verified when they are fetched. */
async function runtimeInput(flags: Flagged): Promise<RuntimeSourceInput> {
  const {openBundle} = await import('../edges/install/airgap.ts');
  const {assetText} = await import('../edges/files/assets.ts');
  const digests = flags['runtime-digests'];
  return {
    runtimeSource: flags['runtime-source'],
    runtimeArchives: flags['runtime-archives'],
    runtimeDigests: digests === undefined ? undefined : await readInput(`@${digests}`),
    airgap: flags.airgap === undefined ? undefined : await openBundle(flags.airgap),
    builtInDigests: assetText('templates/runtime.sha256'),
    arch: process.arch,
  };
}

async function configFile(path: string | undefined): Promise<JoinFile> {
  if (path === undefined) return {input: {}, discoveryFile: undefined};
  const {readJoinFile} = await import('../config/join/file.ts');
  return readJoinFile({
    path: path === '-' ? 'stdin' : path,
    text: await readInput(path === '-' ? '-' : `@${path}`),
  });
}

/** Tokens may be given as `-` (stdin) or `@FILE`: they need not be in argv. */
async function flagInput(endpoint: string | undefined, flags: Flagged): Promise<JoinInput> {
  const proxyKubeconfig = flags['proxy-kubeconfig'];
  return {
    endpoint,
    token: await readInput(flags.token),
    discoveryToken: await readInput(flags['discovery-token']),
    tlsBootstrapToken: await readInput(flags['tls-bootstrap-token']),
    caCertHashes: list(flags['discovery-token-ca-cert-hash']),
    unsafeSkipCaVerification: flags['discovery-token-unsafe-skip-ca-verification'] || undefined,
    discoveryTimeoutMs: milliseconds(flags['discovery-timeout']),
    proxyKubeconfig: proxyKubeconfig === undefined ? undefined : await readInput(`@${proxyKubeconfig}`),
    nodeName: flags['node-name'],
    hostname: hostname(),
    criSocket: flags['cri-socket'],
    nodeIp: flags['node-ip'],
    cni: flags.cni,
    proxy: flags.proxy,
    wait: flags.wait,
    waitTimeoutMs: milliseconds(flags['wait-timeout']),
    plan: flags.plan || undefined,
    skipPhases: list(flags['skip-phases']),
    ignorePreflightErrors: list(flags['ignore-preflight-errors']),
    openFirewall: flags['open-firewall'] || undefined,
    root: flags.root,
    ...(await runtimeInput(flags)),
  };
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
