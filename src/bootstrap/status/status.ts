import type {AnyCheck, Finding} from '../../checks/check.ts';
import {
  type CheckResult,
  closure,
  type Limits,
  runChecks,
  seenAgain,
  statusLimits,
} from '../../checks/graph.ts';
import {nodeDirectories, silentMs, skippedFor} from '../../checks/host/disk/file-systems.ts';
import {judgeLoad, late, ranOutOfTime} from '../../checks/host/kernel/overload.ts';
import {nodeCatalogue} from '../../checks/node/catalogue.ts';
import type {Daemon, Joined, NodeContext} from '../../checks/node/context.ts';
import {openSight} from '../../checks/node/sight.ts';
import {summarize, unseenNode} from '../../checks/node/summary.ts';
import {probeCatalogue} from '../../checks/probe/catalogue.ts';
import type {NodeOptions} from '../../config/join.ts';
import {kubeletPaths} from '../../config/kubelet-files.ts';
import {sandboxPaths, sandboxService} from '../../config/sandbox.ts';
import {exists} from '../../edges/files/files.ts';
import {readLoad} from '../../edges/machine/load.ts';
import {type Machine, observeMachine} from '../../edges/machine/machine.ts';
import {type SilentMount, silentMounts} from '../../edges/mounts/silent-mounts.ts';
import type {ServiceManager} from '../../edges/systemd/services.ts';
import {systemdServices} from '../../edges/systemd/systemd.ts';
import type {NodeSummary} from '../../lib/node-report.ts';
import {kubeletService, proxyService, serviceManager} from '../preflight.ts';
import {sandboxServices} from '../sandbox/services.ts';

export type StatusOptions = {
  readonly options: NodeOptions;
  /** The directory of the layout when it is not the machine's own. */
  readonly root: string | undefined;
  readonly program: readonly string[];
  readonly signal: AbortSignal;
  /** A throw-away pod is started too. */
  readonly probe?: boolean;
  /** Which checks are asked for; what they build on runs too. */
  readonly wanted: (check: Pick<AnyCheck, 'category' | 'codes'>) => boolean;
};

export type StatusReport = {
  /** Of the wanted checks, and of others that failed. */
  readonly checks: readonly CheckResult[];
  readonly node: NodeSummary;
};

/** A pod takes a second to start; one that hangs is waited for longer than anything else. */
const probeLimits: Limits = {checkMs: 8000, wholeMs: 9500};

/** Of a second round on a machine that is too busy: both together stay within what status promises. */
const lateLimits: Limits = {checkMs: 1500, wholeMs: 1500};

/** Looks at a node, or at what should be one; changes nothing. */
export async function lookAtNode(input: StatusOptions): Promise<StatusReport> {
  const catalogue = input.probe === true ? [...nodeCatalogue, ...probeCatalogue] : nodeCatalogue;
  const silent = await silentMounts(nodeDirectories(input.options.layout), silentMs, input.signal);
  if (silent.some(({holds}) => holds)) return {checks: skippedFor(silent, catalogue), node: unseenNode};
  const context = await nodeContext(input, silent);
  try {
    const chosen = closure(catalogue, input.wanted);
    const limits = input.probe === true ? probeLimits : statusLimits;
    const look = (within: Limits) => runChecks(chosen, context, input.signal, within);
    const first = await look(limits);
    const load = late(first) > 0 ? judgeLoad(await readLoad()) : [];
    const overload = ranOutOfTime(first) ? overloaded(load) : [];
    // What stands still beside the load is the root of the trouble: it is worth waiting for a little longer.
    const results = load.length === 0 ? first : await seenAgain(first, () => look(lateLimits));
    const asked = new Set(catalogue.filter(input.wanted).map(({name}) => name));
    const failed = ({state, name}: CheckResult) => state === 'found' || asked.has(name);
    return {
      checks: [...overload, ...results.filter(failed)],
      node: await summarize(context, input.signal),
    };
  } finally {
    await context.sight.close();
  }
}

function overloaded(findings: readonly Finding[]): CheckResult[] {
  return findings.length === 0 ? [] : [{name: 'Load', category: 'host', state: 'found', findings}];
}

export type Daemons = Readonly<Record<Daemon, {readonly manager: ServiceManager; readonly name: string}>>;

/** Each daemon's name and manager on this machine, whoever has joined it. */
export async function nodeDaemons(
  {options, program}: Pick<StatusOptions, 'options' | 'program'>,
  machine: Machine,
  joined: Joined,
): Promise<Daemons> {
  const manager = serviceManager(options, machine.systemd, program);
  const foreign = joined === 'other' && machine.systemd ? systemdServices(options.layout.unitDir) : manager;
  return {
    kubelet: {manager: foreign, name: joined === 'other' ? 'kubelet' : kubeletService},
    proxy: {manager, name: proxyService},
    containerd: {manager: foreign, name: 'containerd'},
    sandbox: {manager: await sandboxServices(options, program), name: sandboxService},
  };
}

async function nodeContext(input: StatusOptions, silent: readonly SilentMount[]): Promise<NodeContext> {
  const {options, root, signal} = input;
  const [machine, joined] = await Promise.all([observeMachine(), joinedBy(options)]);
  const daemons = await nodeDaemons(input, machine, joined);
  const sight = openSight({options, daemons, program: input.program, signal});
  const [sandbox, proxied] = await Promise.all([
    isThere(sandboxPaths(options).state),
    sight.daemon('proxy').then(
      ({status}) => status.installed || status.unusable !== undefined,
      () => false,
    ),
  ]);
  return {
    options,
    rootFlag: root === undefined ? '' : ` --root ${root}`,
    machine,
    joined,
    sandbox: sandbox === true,
    proxied,
    silent,
    sight,
    nowMs: Date.now(),
  };
}

/**
 * By what lies on the disk: our journal, and Kubernetes' own kubeconfig of the node. A node that has its certificate has
 * joined, though its kubeconfig was deleted since.
 */
export async function joinedBy(options: NodeOptions): Promise<Joined> {
  const paths = kubeletPaths(options);
  const [journal, kubeconfig, certificate] = await Promise.all([
    isThere(`${options.layout.stateDir}/journal`),
    isThere(paths.kubeconfig),
    isThere(paths.currentCertificate),
  ]);
  if (kubeconfig === true || (journal === true && certificate === true))
    return journal === false ? 'other' : 'yes';
  return journal === true ? 'begun' : 'no';
}

/** Undefined where one may not look. */
async function isThere(path: string): Promise<boolean | undefined> {
  return exists(path).catch(() => undefined);
}
