import {isNodectlError} from '../../lib/errors.ts';
import type {Facts, Phase, PhaseDecision} from '../phase.ts';
import {planItem} from './items.ts';
import {planOf} from './plan.ts';
import type {Plan, PlanItem} from './types.ts';

/** What the phases would do on this machine as it is now; observes and changes nothing. */
export async function makePlan(phases: readonly Phase[], facts: Facts, signal: AbortSignal): Promise<Plan> {
  const items: PlanItem[] = [];
  const written = new Set<string>();
  for (const phase of phases) {
    const acts = await phase.foresee(facts, await lookAhead(phase, facts, signal));
    for (const act of acts) {
      const item = await planItem(phase.name, act, facts);
      // Two steps of one thing (a service, the reading of units) are one line.
      if (item === undefined || written.has(item.key)) continue;
      written.add(item.key);
      items.push(item);
    }
  }
  return planOf(facts, items);
}

/** The node's kubeconfig, for one, is not there before its phase has run. */
async function lookAhead(phase: Phase, facts: Facts, signal: AbortSignal): Promise<PhaseDecision> {
  try {
    return await phase.look(facts, signal);
  } catch (error) {
    if (isNodectlError(error, 'ND303')) return {acts: [], waiting: 'until the node has registered'};
    throw error;
  }
}
