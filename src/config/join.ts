import {parseAddress, parseCidr} from '../lib/addresses.ts';
import {NodectlError} from '../lib/errors.ts';
import {
  type BootstrapCredentials,
  bootstrapOf,
  type Discovery,
  type DiscoveryInput,
  discoveryOf,
  words,
} from './join/discovery.ts';
import {foreseenFields, type KubeletPatch} from './join/patches.ts';
import {type SkippablePhase, skippedPhases} from './join/phases.ts';
import {configuredPorts, defaultPorts, type NodePorts, nodeLayout} from './join/place.ts';
import {labelProblems} from './kubelet/rules/node-labels.ts';
import type {Layout} from './layout.ts';
import {type RuntimeSource, type RuntimeSourceInput, runtimeSourceOf} from './runtime/runtime-source.ts';

export {
  type BootstrapCredentials,
  type BootstrapToken,
  type Discovery,
  type DiscoveryFile,
  parseEndpoint,
  parsePin,
  parseToken,
} from './join/discovery.ts';
export {defaultPorts, type NodePorts} from './join/place.ts';

/** What flags, environment and files gave, as text; `joinOptions` turns it into something that can be trusted. */
export type JoinInput = RuntimeSourceInput &
  DiscoveryInput & {
    readonly nodeName?: string;
    /** The machine's own name, for when no node name is given. */
    readonly hostname: string;
    readonly criSocket?: string;
    readonly nodeIp?: string;
    readonly cni?: 'bridge' | 'none';
    readonly proxy?: 'nodectl' | 'none';
    /** Kubeconfig with the identity of system:node-proxier for our proxy, as text. */
    readonly proxyKubeconfig?: string;
    readonly wait?: Wait;
    readonly waitTimeoutMs?: number;
    /** How long an API server that does not answer yet, or does not know the token yet, is asked again. */
    readonly discoveryTimeoutMs?: number;
    readonly tlsBootstrapTimeoutMs?: number;
    readonly kubeletTimeoutMs?: number;
    readonly plan?: boolean;
    /** Phases of ours, or kubeadm's for a worker. */
    readonly skipPhases?: readonly string[];
    /** Where the cluster's CA goes, when not in its usual place. */
    readonly caCertPath?: string;
    readonly ignorePreflightErrors?: readonly string[];
    /** A whole layout below one directory: a second node on the same machine. */
    readonly root?: string;
    readonly ports?: Partial<NodePorts>;
    /** Fields of a KubeletConfiguration that win over the cluster's. */
    readonly kubeletConfiguration?: Readonly<Record<string, unknown>>;
    /** kubeadm's --patches, done to the whole configuration in the end. */
    readonly kubeletPatches?: readonly KubeletPatch[];
    /** Fields of a KubeProxyConfiguration for our proxy. */
    readonly proxyConfiguration?: Readonly<Record<string, unknown>>;
    /** Opens the kubelet's port in firewalld or ufw. */
    readonly openFirewall?: boolean;
    readonly taints?: readonly string[];
    readonly labels?: readonly string[];
    /** Flags of the kubelet that no configuration file can say. */
    readonly kubeletArguments?: readonly string[];
  };

export type Wait = 'registered' | 'ready' | 'schedulable' | 'none';

export type JoinOptions = NodeOptions & {
  readonly discovery: Discovery;
  readonly bootstrap: BootstrapCredentials;
  readonly skipPhases: readonly SkippablePhase[];
  readonly timeouts: {
    readonly discoveryMs: number;
    readonly tlsBootstrapMs: number;
    readonly kubeletMs: number;
  };
};

/** What the node shall be, whatever the cluster. */
export type NodeOptions = {
  readonly nodeName: string;
  readonly nodeIp: string | undefined;
  readonly cni: 'bridge' | 'none';
  readonly proxy: 'nodectl' | 'none';
  /** Asked for by name; else it follows from a kubeconfig given for it, and yields to another proxy. */
  readonly proxyChosen: boolean;
  readonly proxyKubeconfig: string | undefined;
  readonly runtime: RuntimeSource;
  readonly wait: Wait;
  readonly waitTimeoutMs: number;
  readonly plan: boolean;
  readonly ignorePreflightErrors: readonly string[];
  readonly layout: Layout;
  /** The node is not the machine's own: nothing of the host outside its layout is made persistent. */
  readonly ownLayout: boolean;
  readonly ports: NodePorts;
  readonly kubeletConfiguration: Readonly<Record<string, unknown>>;
  readonly kubeletPatches: readonly KubeletPatch[];
  /** Both, as far as they are known before the cluster has told its own. */
  readonly foreseenKubelet: Readonly<Record<string, unknown>>;
  readonly proxyConfiguration: Readonly<Record<string, unknown>>;
  readonly openFirewall: boolean;
  readonly taints: readonly string[];
  readonly labels: readonly string[];
  readonly kubeletArguments: readonly string[];
};

/** @throws NodectlError ND201, ND401, ND404, ND408 or ND904 naming what is wrong; nothing was changed */
export function joinOptions(input: JoinInput): JoinOptions {
  const options = nodeOptions(input);
  return {
    ...options,
    discovery: discoveryOf(input),
    bootstrap: bootstrapOf(input),
    skipPhases: skippedPhases(input.skipPhases ?? []),
    timeouts: {
      discoveryMs: input.discoveryTimeoutMs ?? 0,
      tlsBootstrapMs: input.tlsBootstrapTimeoutMs ?? options.waitTimeoutMs,
      kubeletMs: input.kubeletTimeoutMs ?? 120_000,
    },
  };
}

/** @throws NodectlError ND201 or ND904 */
export function nodeOptions(input: JoinInput): NodeOptions {
  const nodeName = (input.nodeName ?? input.hostname).trim().toLowerCase();
  assertNodeName(nodeName);
  assertLabels(input.labels ?? [], nodeName);
  const {kubeletConfiguration = {}, kubeletPatches = []} = input;
  const foreseenKubelet = foreseenFields(kubeletConfiguration, kubeletPatches);
  const proxyConfiguration = input.proxyConfiguration ?? {};
  return {
    nodeName,
    nodeIp: input.nodeIp === undefined ? undefined : nodeIpWish(input.nodeIp),
    cni: input.cni ?? 'none',
    proxy: input.proxy ?? (input.proxyKubeconfig === undefined ? 'none' : 'nodectl'),
    proxyChosen: input.proxy === 'nodectl',
    proxyKubeconfig: input.proxyKubeconfig,
    runtime: runtimeSourceOf(input),
    wait: input.wait ?? 'ready',
    waitTimeoutMs: input.waitTimeoutMs ?? 240_000,
    plan: input.plan ?? false,
    ignorePreflightErrors: ignoredChecks(input.ignorePreflightErrors),
    layout: nodeLayout({...input, kubeletConfiguration: foreseenKubelet}),
    ownLayout: input.root !== undefined,
    ports: {...defaultPorts, ...configuredPorts(foreseenKubelet, proxyConfiguration), ...input.ports},
    kubeletConfiguration,
    kubeletPatches,
    foreseenKubelet,
    proxyConfiguration,
    openFirewall: input.openFirewall ?? false,
    taints: input.taints ?? [],
    labels: input.labels ?? [],
    kubeletArguments: input.kubeletArguments ?? [],
  };
}

/** `all` beside names is a mistake: the names say that not all of them were meant. */
function ignoredChecks(list: readonly string[] | undefined): readonly string[] {
  const names = [...new Set(words(list).map((name) => name.toLowerCase()))];
  if (names.length > 1 && names.includes('all'))
    throw new NodectlError('ND904', `--ignore-preflight-errors ${names.join(',')}: all stands for itself`);
  return words(list);
}

/** RFC 1123 subdomain, at most 253 characters (apimachinery validation.IsDNS1123Subdomain). */
export function assertNodeName(name: string): void {
  const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
  if (name.length > 253 || !new RegExp(`^${label}(\\.${label})*$`).test(name))
    throw new NodectlError('ND201', `${JSON.stringify(name)} is not a valid node name: ${nameFault(name)}`, {
      next: [`--node-name ${suggestedName(name)}, or another one that no other node has`],
    });
}

function nameFault(name: string): string {
  if (name === '') return 'it is empty';
  if (name.length > 253) return 'it has more than 253 characters';
  const [odd] = /[^a-z0-9.-]/u.exec(name) ?? [];
  if (odd !== undefined) return `it may have a-z, 0-9, - and . only, not ${JSON.stringify(odd)}`;
  return 'each part between its dots must begin and end with a-z or 0-9';
}

function suggestedName(name: string): string {
  const parts = name
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .split('.');
  const whole = parts.map((part) => part.replace(/^-+|-+$/g, '')).filter((part) => part !== '');
  return (
    whole
      .join('.')
      .slice(0, 253)
      .replace(/[-.]+$/, '') || 'worker-1'
  );
}

/** What the API server would refuse the whole Node for, before anything is changed. */
function assertLabels(labels: readonly string[], nodeName: string): void {
  const pairs = labels.map((label): [string, string] => {
    const [key = '', ...value] = label.split('=');
    return [key, value.join('=')];
  });
  const problems = labelProblems(Object.fromEntries(pairs));
  if (problems.length === 0) return;
  const later = labels.filter((label) => labelProblems({[label.split('=')[0] ?? '']: ''}).length > 0);
  throw new NodectlError('ND904', problems.join('\n'), {
    next: [`Once the node is there: kubectl label node ${nodeName} ${later.join(' ')}`.trim()],
  });
}

/** `auto`, an address, a range or an interface; two with a comma for dual stack. What it means is seen later. */
function nodeIpWish(text: string): string {
  const parts = text.split(',').map((part) => part.trim());
  const isInterface = (part: string): boolean => /^[^\s/:]{1,15}$/.test(part) && !/^[\d.]+$/.test(part);
  const good = (part: string): boolean =>
    parseAddress(part) !== undefined ||
    (part.includes('/') && parseCidr(part) !== undefined) ||
    isInterface(part);
  if (parts.length <= 2 && parts.every(good)) return parts.join(',');
  throw new NodectlError(
    'ND904',
    `--node-ip ${text} is not auto, an IP address, a range or an interface, nor a dual-stack pair of them`,
  );
}
