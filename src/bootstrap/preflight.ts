import {catalogue} from '../checks/catalogue.ts';
import {type CheckContext, type Finding, warning} from '../checks/check.ts';
import {type CheckResult, ignoring, type Limits, runChecks} from '../checks/graph.ts';
import {nodeDirectories, silentMs, skippedFor} from '../checks/host/disk/file-systems.ts';
import {otherAgents} from '../checks/leftovers/other-agents.ts';
import {judgeFirewall} from '../checks/network/kubelet-firewall.ts';
import {judgeOrder} from '../checks/runtime/cni-config.ts';
import type {JoinOptions, NodeOptions} from '../config/join.ts';
import {conflistName} from '../config/runtime/cni.ts';
import {exists, isReadOnly, listDirectory} from '../edges/files/files.ts';
import {packageManager} from '../edges/install/packages.ts';
import {journalStore} from '../edges/logs/journal-store.ts';
import {observeMachine} from '../edges/machine/machine.ts';
import {silentMounts} from '../edges/mounts/silent-mounts.ts';
import {lookAtNft} from '../edges/nftables/nft-sight.ts';
import type {ServiceManager} from '../edges/systemd/services.ts';
import {supervisedServices} from '../edges/systemd/supervised.ts';
import {systemdServices} from '../edges/systemd/systemd.ts';
import {NodectlError} from '../lib/errors.ts';
import {joinedCluster} from './learn/joined.ts';
import {learnCluster} from './learn/learn-cluster.ts';
import {nodeAddress} from './learn/node-address.ts';
import {countingFromNow} from './learn/restarts.ts';
import type {Facts} from './phase.ts';
import {assertNeedsNoNetwork} from './runtime/offline.ts';
import type {JoinDeps} from './types.ts';
import {Journal} from './undo/journal.ts';

/** A join waits for a slow machine rather than go on unseeing. */
const joinLimits: Limits = {checkMs: 30_000, wholeMs: 60_000};

const preflightCatalogue = [...catalogue, otherAgents];

export const kubeletService = 'nodectl-kubelet';
export const proxyService = 'nodectl-proxy';

/** Who runs the daemons of this layout. */
export function serviceManager(
  options: Pick<JoinOptions, 'layout' | 'ownLayout'>,
  systemd: boolean,
  program: readonly string[],
): ServiceManager {
  const {unitDir, stateDir, logDir} = options.layout;
  if (systemd && !options.ownLayout) return systemdServices(unitDir);
  return supervisedServices({dir: `${stateDir}/supervisor`, logDir, program});
}

/** A single binary is copied to a stable place; sources are run where they are. */
export function stablePlace(
  options: Pick<JoinOptions, 'layout' | 'ownLayout'>,
  program: readonly string[],
): {program: readonly string[]; binary: Facts['binary']} {
  const [from, ...more] = program;
  if (from === undefined || more.length > 0) return {program, binary: undefined};
  const path = options.ownLayout ? `${options.layout.stateDir}/bin/nodectl` : '/usr/local/bin/nodectl';
  return {program: [path], binary: from === path ? undefined : {from, path}};
}

/**
 * Looks at the machine and the cluster and changes nothing: what it finds is what every phase starts from.
 * @throws NodectlError with the code of the first finding that stands in the way
 */
export async function preflight(
  options: JoinOptions,
  deps: JoinDeps,
): Promise<{facts: Facts; findings: readonly Finding[]}> {
  const machine = await observeMachine();
  if (!machine.root) throw new NodectlError('ND101', 'a join changes the machine and must run as root');
  const {program, binary} = stablePlace(options, deps.program);
  const daemons = ['containerd', kubeletService, proxyService];
  const services = await countingFromNow(serviceManager(options, machine.systemd, program), daemons);
  const journal = await Journal.open(journalStore(`${options.layout.stateDir}/journal`));
  const results = options.skipPhases.includes('preflight') ? [] : await checkMachine(options, deps);
  assertPassed(results);
  const cluster = (await joinedCluster(options)) ?? (await learnCluster(options, deps));
  const findings = [...findingsOf(results), ...cluster.findings, ...(await firewallFindings(options, deps))];
  const {nodeIp, table: addresses, findings: doubts} = await nodeAddress(options, cluster.server);
  const packages = await packageManager();
  const seen = {machine, cluster, addresses, packages, services, program, binary, journal, log: deps.log};
  const facts = {...seen, options: {...options, nodeIp}};
  await assertCanCopy(binary);
  await assertNeedsNoNetwork(facts);
  return {
    facts,
    findings: [
      ...findings,
      ...everybodysName(options, machine.hostname),
      ...doubts,
      ...(await otherNetworks(options)),
    ],
  };
}

/** Machines whose /usr is read-only by design have their programs from an image. */
async function assertCanCopy(binary: Facts['binary']): Promise<void> {
  if (binary === undefined || (await exists(binary.path)) || !(await isReadOnly(binary.path))) return;
  throw new NodectlError('ND109', `${binary.path} cannot be written: read-only`, {
    next: [
      `findmnt -T ${binary.path}`,
      `Where that is meant, put nodectl there with the machine’s image: it is then used as it is.`,
    ],
  });
}

/** With our own network: what an earlier one has left goes first by its name. */
async function otherNetworks({cni, layout}: NodeOptions): Promise<readonly Finding[]> {
  if (cni === 'none') return [];
  const found = (await listDirectory(layout.cniConfDir)).filter((name) =>
    /\.(conf|conflist|json)$/.test(name),
  );
  return judgeOrder([...new Set([...found, conflistName])].sort(), layout.cniConfDir);
}

/** What machines are called that nobody has named: the second one under it is refused, or takes the first one's place. */
export function everybodysName(
  {nodeName}: Pick<NodeOptions, 'nodeName'>,
  hostname: string,
): readonly Finding[] {
  if (
    nodeName !== hostname.toLowerCase() ||
    !/^(localhost|localhost\.localdomain|debian|ubuntu|fedora|raspberrypi)$/.test(nodeName)
  )
    return [];
  const message = `this node is called ${nodeName}, as every machine is that nobody has named`;
  return [warning('ND208', message, 'sudo nodectl reset, then join again with --node-name NAME')];
}

/** What this machine's own rules do to the kubelet's port; without nft there are none that could be seen. */
async function firewallFindings(
  {ports, openFirewall}: NodeOptions,
  {signal}: JoinDeps,
): Promise<readonly Finding[]> {
  const nft = await lookAtNft(signal).catch(() => undefined);
  if (nft === undefined || openFirewall) return [];
  return judgeFirewall(nft, [], ports.kubelet).map((finding) => ({
    ...finding,
    next: ['join again with --open-firewall', ...finding.next],
  }));
}

/** The catalogue's answers for this machine, whether it has joined or not. */
export async function checkMachine(
  options: NodeOptions,
  {program, signal}: Pick<JoinDeps, 'program' | 'signal'>,
): Promise<CheckResult[]> {
  const machine = await observeMachine();
  const silent = await silentMounts(nodeDirectories(options.layout), silentMs, signal);
  if (silent.some(({holds}) => holds)) return skippedFor(silent, preflightCatalogue);
  const services = serviceManager(options, machine.systemd, program);
  // Who is not root may not look there, and is told just that.
  const joined = machine.root && (await exists(`${options.layout.stateDir}/journal`));
  const names = joined ? [kubeletService, proxyService] : [];
  const states = await Promise.all(names.map((name) => services.status(name)));
  const context: CheckContext = {options, machine, joined, ownPids: states.flatMap(({pid}) => pid ?? [])};
  return ignoring(
    await runChecks(preflightCatalogue, context, signal, joinLimits),
    options.ignorePreflightErrors.map(ourName),
  );
}

/** kubeadm's names of checks that are one with others here; its remaining names are ours, or have no check to ignore. */
const kubeadmNames: Readonly<Record<string, string>> = {
  'fileavailable--etc-kubernetes-bootstrap-kubelet.conf': 'FileAvailable--etc-kubernetes-kubelet.conf',
  'fileavailable--etc-kubernetes-pki-ca.crt': 'FileAvailable--etc-kubernetes-kubelet.conf',
  'diravailable--etc-kubernetes-manifests': 'FileAvailable--etc-kubernetes-kubelet.conf',
};

function ourName(name: string): string {
  return kubeadmNames[name.toLowerCase()] ?? name;
}

/**
 * Every finding is told, the first by its code: what depends on a failed check was skipped. Another kubelet has the
 * ports too, and they are free once it is gone: its process is not to be killed for them.
 * @throws NodectlError with the code of the first error
 */
export function assertPassed(results: readonly CheckResult[]): void {
  const unseen = results.find(({state}) => state === 'unseen');
  if (unseen?.state === 'unseen') throw new NodectlError('ND902', `${unseen.name}: ${unseen.why}`);
  const all = findingsOf(results).filter(({severity}) => severity === 'error');
  const errors = all.some(({code}) => code === 'ND605') ? all.filter(({code}) => code !== 'ND601') : all;
  const [first] = errors;
  if (first === undefined) return;
  const others = errors.slice(1).map(({code, message}) => `${code}: ${message}`);
  throw new NodectlError(first.code, [first.message, ...others].join('\n'), {next: first.next});
}

function findingsOf(results: readonly CheckResult[]): Finding[] {
  return results.flatMap((result) => (result.state === 'found' ? result.findings : []));
}
