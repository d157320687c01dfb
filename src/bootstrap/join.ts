import {createHash} from 'node:crypto';
import type {Finding} from '../checks/check.ts';
import type {JoinOptions} from '../config/join.ts';
import {kubeletPaths} from '../config/kubelet-files.ts';
import type {Layout} from '../config/layout.ts';
import {removeFile} from '../edges/files/files.ts';
import {takeLock} from '../edges/files/lock.ts';
import {removeOrphans} from '../edges/files/temporaries.ts';
import {observeMachine} from '../edges/machine/machine.ts';
import {converge} from '../lib/control/reconcile.ts';
import {isNodectlError, NodectlError} from '../lib/errors.ts';
import {type Act, describeAct} from './apply/acts.ts';
import {applyAct} from './apply/apply.ts';
import {awaitChange} from './apply/await.ts';
import type {Facts, Phase, PhaseDecision} from './phase.ts';
import {host} from './phases/host.ts';
import {identity} from './phases/identity.ts';
import {proxy} from './phases/proxy.ts';
import {ready} from './phases/ready.ts';
import {runtime} from './phases/runtime.ts';
import {services} from './phases/services.ts';
import {makePlan} from './plan/make.ts';
import {assertAsPlanned, assertInPlan} from './plan/plan.ts';
import type {Plan} from './plan/types.ts';
import {preflight} from './preflight.ts';
import {withBundle} from './status/support-bundle.ts';
import type {JoinDeps, JoinResult, PhaseReport} from './types.ts';
import {writePlaces} from './undo/write-places.ts';

export type {JoinDeps, JoinEvent, JoinResult, PhaseName} from './types.ts';

/** After the preflight, which changes nothing; each is found settled again when a join is repeated. */
const phases: readonly Phase[] = [host, runtime, identity, services, proxy, ready];

/**
 * Makes this machine a node of a cluster. It may be stopped at any moment and repeated: what is done is seen, and
 * the rest follows.
 * @throws NodectlError with the code of the first thing that stands in the way
 */
export async function joinNode(options: JoinOptions, deps: JoinDeps): Promise<JoinResult> {
  const machine = await observeMachine();
  if (!machine.root) throw new NodectlError('ND101', 'a join changes the machine and must run as root');
  const lock = await takeLock(lockPath(options.layout));
  try {
    return await locked(options, deps);
  } finally {
    await lock.release();
  }
}

/** One lock for each node of a machine, for everything that changes it. */
export function lockPath(layout: Layout): string {
  return `/run/nodectl-${createHash('sha256').update(layout.stateDir).digest('hex').slice(0, 12)}.lock`;
}

async function locked(options: JoinOptions, deps: JoinDeps): Promise<JoinResult> {
  const started = performance.now();
  deps.onEvent({kind: 'phase', phase: 'preflight', title: 'Check the machine and the cluster'});
  const {facts, findings} = await preflight(options, deps);
  for (const finding of findings) deps.onEvent({kind: 'finding', phase: 'preflight', finding});
  const first = report('preflight', started, []);
  deps.onEvent({kind: 'done', phase: 'preflight', acts: 0, ms: first.ms});
  const wanted = phases.filter(({name}) => !options.skipPhases.includes(name));
  const plan = options.plan || deps.planned ? await makePlan(wanted, facts, deps.signal) : undefined;
  if (options.plan && plan !== undefined)
    return {...result(options, facts, findings, [first, ...foreseenReports(plan)]), plan};
  const {planned} = deps;
  if (planned !== undefined && plan !== undefined)
    assertAsPlanned(planned, plan, facts.journal.entries.length > 0);
  return result(options, facts, findings, await runAll(wanted, facts, findings, [first], deps));
}

async function runAll(
  wanted: readonly Phase[],
  facts: Facts,
  findings: readonly Finding[],
  reports: PhaseReport[],
  deps: JoinDeps,
): Promise<readonly PhaseReport[]> {
  await removeOrphans([...facts.journal.directories, ...writePlaces(facts.options.layout)], Date.now());
  try {
    for (const phase of wanted) reports.push(await runPhase(phase, facts, deps));
  } catch (error) {
    // Who interrupts a join knows why it ended.
    deps.signal.throwIfAborted();
    throw await withBundle({facts, findings, reports, error}, new Date());
  } finally {
    // The token must not outlive the join, whichever way it went.
    await removeFile(kubeletPaths(facts.options).bootstrapKubeconfig);
  }
  return reports;
}

function report(
  name: PhaseReport['name'],
  startedMs: number,
  acts: readonly string[],
  findings: readonly Finding[] = [],
): PhaseReport {
  return {name, ms: Math.round(performance.now() - startedMs), acts, findings};
}

async function runPhase(phase: Phase, facts: Facts, deps: JoinDeps): Promise<PhaseReport> {
  const started = performance.now();
  const acts: string[] = [];
  let last: PhaseDecision = {acts: []};
  let waits = 0;
  deps.onEvent({kind: 'phase', phase: phase.name, title: phase.title});
  const reconciler = {
    observe: (_: string, signal: AbortSignal) => phase.look(facts, signal),
    decide: (decision: PhaseDecision) => {
      last = decision;
      if (decision.waiting !== undefined)
        deps.onEvent({kind: 'wait', phase: phase.name, text: decision.waiting});
      return decision;
    },
    apply: (act: Act, signal: AbortSignal) => {
      if (deps.planned !== undefined) assertInPlan(deps.planned, act);
      return applyAct(act, facts, signal);
    },
  };
  const onAct = (act: Act): void => {
    waits = 0;
    // A note changes nothing.
    if (act.kind === 'claim') return;
    acts.push(describeAct(act));
    deps.onEvent({kind: 'act', phase: phase.name, text: describeAct(act)});
  };
  try {
    await converge(reconciler, phase.name, {
      signal: deps.signal,
      onAct,
      sleep: (ms) => awaitChange(last.awaited, gentler(ms, waits++), facts, deps.signal),
      deadlineMs: performance.now() + phase.waitMs(facts.options),
      monotonic: () => performance.now(),
    });
  } catch (error) {
    throw isNodectlError(error, 'ND902') ? phase.late(last.waiting ?? phase.title) : error;
  }
  const {findings = []} = last;
  for (const finding of findings) deps.onEvent({kind: 'finding', phase: phase.name, finding});
  const done = report(phase.name, started, acts, findings);
  deps.onEvent({kind: 'done', phase: phase.name, acts: acts.length, ms: done.ms});
  return done;
}

const rarelyMs = 2000;

/** Each look may cost a program's start: what does not come at once is asked for ever less often. */
export function gentler(ms: number, waits: number): number {
  return ms >= rarelyMs ? ms : Math.min(rarelyMs, ms * 1.3 ** waits);
}

/** A plan's changes as the reports of phases that have not run; nothing is told as if it happened now. */
function foreseenReports(plan: Plan): PhaseReport[] {
  return phases.flatMap(({name}) => {
    const acts = plan.items.filter(({phase}) => phase === name).map(({text}) => text);
    return acts.length === 0 ? [] : [{name, ms: 0, acts, findings: []}];
  });
}

function result(
  options: JoinOptions,
  facts: Facts,
  findings: readonly Finding[],
  reports: readonly PhaseReport[],
): JoinResult {
  const states = {
    none: 'started',
    registered: 'registered',
    ready: 'ready',
    schedulable: 'schedulable',
  } as const;
  return {
    nodeName: options.nodeName,
    server: facts.cluster.server,
    planned: options.plan,
    changes: reports.reduce((sum, {acts}) => sum + acts.length, 0),
    state: options.plan ? 'planned' : states[options.wait],
    warnings: [...findings, ...reports.flatMap((report) => report.findings)],
    addresses: facts.addresses,
    phases: reports,
  };
}
