import {type Finding, warning} from '../../checks/check.ts';
import type {JoinOptions, Wait} from '../../config/join.ts';
import {bridgeConflist, conflistName} from '../../config/runtime/cni.ts';
import type {ServiceStatus} from '../../edges/systemd/services.ts';
import type {Code} from '../../lib/codes/catalogue.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Node} from '../../lib/kubernetes.ts';
import {readNode} from '../learn/own-node.ts';
import {whoServes} from '../learn/service-proxy.ts';
import {unmetFiles, type WantedFile, writes} from '../learn/wanted.ts';
import {type Facts, type PhaseDecision, phase} from '../phase.ts';

export type SeenNode = {
  readonly node: Node | undefined;
  readonly files: readonly WantedFile[];
  readonly kubelet: ServiceStatus;
  /** Its last words, read only when it does not stay up. */
  readonly log: readonly string[];
  /** Our proxy was not asked for, and nobody else is seen to do its work. */
  readonly unserved: boolean;
};

/** The cluster's view: the Node is there, has its network, and is Ready. */
export const ready = phase<SeenNode>({
  name: 'ready',
  title: 'Wait for the node',
  waitMs: ({waitTimeoutMs}) => waitTimeoutMs,
  late: (waiting) => new NodectlError(lateCode(waiting), waiting, {next: lateNext(waiting)}),
  async observe(facts, signal) {
    const node = facts.options.wait === 'none' ? undefined : await readNode(facts);
    const kubelet = await facts.services.status('nodectl-kubelet');
    return {
      node,
      files: await unmetFiles(conflist(facts, node)),
      kubelet,
      log: kubelet.restarts >= 3 ? await facts.services.log('nodectl-kubelet', 5) : [],
      unserved:
        node !== undefined &&
        facts.options.proxy === 'none' &&
        (await whoServes(facts, node, signal)) === undefined,
    };
  },
  decide: (seen, {options}) => decideReady(seen, options),
  // The pod ranges are the cluster's to give, once the node is there.
  foresee: async ({options}, {acts, waiting}) =>
    options.cni === 'none' || waiting === undefined
      ? acts
      : [{kind: 'file', path: conflistPath(options), content: '', mode: 0o644, open: 'after'}],
});

function conflistPath({layout}: Pick<JoinOptions, 'layout'>): string {
  return `${layout.cniConfDir}/${conflistName}`;
}

const ofNetwork = /network plugin|CNI|cni/;
/** Add-ons ask the API server by its Service. */
const alsoUnserved = '; nobody serves Services here either (ND749), and most network add-ons need them';

/** What the cluster must bring, or an administrator allow, is no failure of this machine. */
export function lateCode(waiting: string): Code {
  if (ofNetwork.test(waiting)) return 'ND705';
  return /is Ready, but/.test(waiting) ? 'ND706' : 'ND704';
}

/** The command for just this node, where there is one. */
export function lateNext(waiting: string): readonly string[] {
  const cordoned = /^node (\S+) is Ready, but cordoned:/.exec(waiting)?.[1];
  if (cordoned !== undefined) return [`kubectl uncordon ${cordoned}`];
  const [, name, key, effect] = /^node (\S+) is Ready, but tainted (\S+):(\w+)$/.exec(waiting) ?? [];
  if (key === 'node.cloudprovider.kubernetes.io/uninitialized')
    return ['kubectl -n kube-system get pods | grep cloud-controller-manager (it takes this taint away)'];
  return key === undefined ? [] : [`kubectl taint node ${name} ${key}:${effect}-`];
}

export function decideReady(
  seen: SeenNode,
  options: Pick<JoinOptions, 'nodeName' | 'wait' | 'cni' | 'taints'>,
): PhaseDecision {
  if (seen.files.length > 0) return {acts: writes(seen.files)};
  if (options.wait === 'none') return {acts: []};
  if (!seen.kubelet.running && seen.kubelet.restarts >= 3)
    throw new NodectlError('ND703', `the kubelet does not stay up\n${seen.log.join('\n')}`);
  const missing = reason(seen.node, options.nodeName, options.wait, options.cni, options.taints);
  const waiting =
    seen.unserved && missing !== undefined && ofNetwork.test(missing) ? missing + alsoUnserved : missing;
  // A node that has just registered may yet get its DaemonSets' pods.
  const findings = seen.unserved && options.wait !== 'registered' ? [unserved(options.nodeName)] : [];
  if (waiting === undefined) return {acts: [], findings};
  const awaited = {
    resource: 'nodes',
    name: options.nodeName,
    resourceVersion: seen.node?.metadata.resourceVersion,
  } as const;
  return {acts: [], againInMs: 5000, waiting, awaited};
}

function unserved(nodeName: string): Finding {
  return warning(
    'ND749',
    `nobody serves Services on node ${nodeName} yet: pods here reach no ClusterIP, cluster DNS neither`,
    `kubectl get pods -A -o wide --field-selector spec.nodeName=${nodeName} | grep proxy`,
    'Or join again with --proxy nodectl --proxy-kubeconfig FILE (README, “Join a cluster”).',
  );
}

/** What is still missing, in a person's words; undefined when nothing is. */
function reason(
  node: Node | undefined,
  name: string,
  wait: Exclude<Wait, 'none'>,
  cni: 'bridge' | 'none',
  taints: readonly string[],
): string | undefined {
  if (node === undefined) return `the kubelet has not registered node ${name} yet`;
  if (wait === 'registered' && cni === 'none') return undefined;
  if (cni === 'bridge' && cidrs(node).length === 0) return `node ${name} has no podCIDR yet`;
  if (wait === 'registered') return undefined;
  const condition = node.status?.conditions?.find(({type}) => type === 'Ready');
  if (condition?.status === 'True') return wait === 'ready' ? undefined : unschedulable(node, name, taints);
  if (condition === undefined) return `node ${name} has no Ready condition yet`;
  return `node ${name} is not Ready: ${condition.message ?? condition.reason ?? ''}`;
}

/** A pod without tolerations may be placed here: not cordoned, and no taint that the join itself did not ask for. */
function unschedulable(node: Node, name: string, taints: readonly string[]): string | undefined {
  if (node.spec?.unschedulable === true)
    return `node ${name} is Ready, but cordoned: kubectl uncordon ${name}`;
  const [stranger] = (node.spec?.taints ?? []).filter(
    ({key, value, effect}) =>
      effect !== 'PreferNoSchedule' && !taints.includes(`${key}${value ? `=${value}` : ''}:${effect}`),
  );
  return stranger === undefined
    ? undefined
    : `node ${name} is Ready, but tainted ${stranger.key}:${stranger.effect}`;
}

function cidrs(node: Node): readonly string[] {
  const {podCIDRs, podCIDR} = node.spec ?? {};
  return podCIDRs ?? (podCIDR === undefined || podCIDR === '' ? [] : [podCIDR]);
}

function conflist({options}: Facts, node: Node | undefined): WantedFile[] {
  const podCidrs = node === undefined ? [] : cidrs(node);
  if (options.cni === 'none' || podCidrs.length === 0) return [];
  const content = bridgeConflist(podCidrs, `${options.layout.stateDir}/cni`);
  return [{path: conflistPath(options), content, mode: 0o644}];
}
