import {type Finding, warning} from '../../checks/check.ts';
import {excludeCommand} from '../../config/foreign-proxy.ts';
import type {JoinOptions} from '../../config/join.ts';
import type {ServiceUnit} from '../../edges/systemd/services.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Node} from '../../lib/kubernetes.ts';
import {proxyUnit} from '../learn/node-files.ts';
import {readNode} from '../learn/own-node.ts';
import {foreignHere} from '../learn/service-proxy.ts';
import {type Facts, type PhaseDecision, phase} from '../phase.ts';
import {decideServices, type SeenServices, seeServices} from './services.ts';

export type SeenProxy = {
  readonly nowMs: number;
  readonly node: Node | undefined;
  readonly foreign: string | undefined;
  /** Runs already: it was decided for at an earlier join. */
  readonly serves: boolean;
  readonly services: SeenServices;
};

/** A DaemonSet's pod is made within moments of its node's registration. */
const graceMs = 5000;

/** Who serves Services here: never two, because each would undo what the other wrote. */
export const proxy = phase<SeenProxy | undefined>({
  name: 'proxy',
  title: 'See who serves Services',
  waitMs: ({waitTimeoutMs}) => waitTimeoutMs,
  late: (waiting) => new NodectlError('ND704', waiting),
  observe: async (facts, signal) => (facts.options.proxy === 'none' ? undefined : observe(facts, signal)),
  decide: (seen, {options}) => (seen === undefined ? {acts: []} : decideProxy(seen, options)),
  // Unless another one is found on the node once it is there.
  foresee: async (facts, {acts, waiting}) =>
    facts.options.proxy === 'none' || waiting === undefined
      ? acts
      : decideServices(await seeServices(facts, [ownUnit(facts)])).acts,
});

function ownUnit(facts: Facts): {unit: ServiceUnit; port: number} {
  return {unit: proxyUnit(facts), port: facts.options.ports.proxyHealthz};
}

type Options = Pick<JoinOptions, 'nodeName' | 'proxyChosen'>;

export function decideProxy(seen: SeenProxy, {nodeName, proxyChosen}: Options): PhaseDecision {
  const {node, foreign} = seen;
  // Chosen by flag, it was started with the kubelet: pods of the network may need Services before the node is Ready.
  if (proxyChosen) return {acts: [], findings: foreign === undefined ? [] : [besides(foreign, nodeName)]};
  if (node === undefined)
    return {acts: [], againInMs: 1000, waiting: `the kubelet has not registered node ${nodeName} yet`};
  if (foreign !== undefined)
    return {acts: [], findings: [seen.serves ? besides(foreign, nodeName) : standsDown(foreign, nodeName)]};
  const age = seen.nowMs - Date.parse(node.metadata.creationTimestamp ?? '');
  if (!seen.serves && age >= 0 && age < graceMs)
    return {acts: [], againInMs: 500, waiting: 'looking whether the cluster’s own proxy comes to this node'};
  return decideServices(seen.services);
}

function besides(foreign: string, nodeName: string): Finding {
  return warning('ND738', `${foreign} serves Services here beside our proxy`, excludeCommand(nodeName));
}

function standsDown(foreign: string, nodeName: string): Finding {
  const message = `our proxy is not installed: ${foreign} serves Services here`;
  return warning('ND738', message, `${excludeCommand(nodeName)}, then join again with --proxy nodectl`);
}

async function observe(facts: Facts, signal: AbortSignal): Promise<SeenProxy> {
  const node = await readNode(facts);
  const [foreign, status] = await Promise.all([
    foreignHere(facts, node, signal),
    facts.services.status('nodectl-proxy'),
  ]);
  return {
    nowMs: Date.now(),
    node,
    foreign,
    serves: status.running,
    services: await seeServices(facts, [ownUnit(facts)]),
  };
}
