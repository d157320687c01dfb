import type {Obj} from '../../contract.ts';
import {type JsonObject, numberAt, objectAt, objectsAt, textAt} from '../../json.ts';
import type {Column} from '../definition.ts';
import {ageOf} from './age.ts';
import {ageColumn, column, nameColumn, none, text, wide} from './shared.ts';

type Counts = {ready: number; total: number; restarts: number; lastRestart: string};
type Summary = Counts & {reason: string};

export const podColumns: readonly Column[] = [
  nameColumn,
  column('Ready', (pod) => {
    const {ready, total} = summaryOf(pod);
    return `${ready}/${total}`;
  }),
  column('Status', (pod) => summaryOf(pod).reason),
  column('Restarts', (pod, now) => {
    const {restarts, lastRestart} = summaryOf(pod);
    return restarts === 0 || lastRestart === ''
      ? `${restarts}`
      : `${restarts} (${ageOf(lastRestart, now)} ago)`;
  }),
  ageColumn,
  column('IP', (pod) => textAt(objectsAt(pod, 'status', 'podIPs')[0], 'ip') || none, wide),
  column('Node', text(none, 'spec', 'nodeName'), wide),
  column('Nominated Node', text(none, 'status', 'nominatedNodeName'), wide),
  column('Readiness Gates', readinessGates, wide),
];

const summaries = new WeakMap<Obj, Summary>();

/** Stored objects never change, so each is summed up once for its three columns. */
function summaryOf(pod: Obj): Summary {
  const known = summaries.get(pod);
  if (known !== undefined) return known;
  const made = summarize(pod);
  summaries.set(pod, made);
  return made;
}

/** printPod of Kubernetes' printers: what `kubectl get pods` says about a pod. */
function summarize(pod: Obj): Summary {
  const phase = textAt(pod, 'status', 'phase') ?? '';
  const init = initSummary(pod);
  const gated = condition(pod, 'PodScheduled')?.reason === 'SchedulingGated';
  const first = gated ? 'SchedulingGated' : textAt(pod, 'status', 'reason') || phase;
  const initialized = condition(pod, 'Initialized')?.status === 'True';
  const summary =
    init.reason === undefined || initialized
      ? mainSummary(pod, init, init.reason ?? first)
      : {...init.all, ready: init.sidecars.ready, total: init.all.total, reason: init.reason};
  return {...summary, reason: finalReason(pod, phase, summary.reason)};
}

function finalReason(pod: Obj, phase: string, reason: string): string {
  if (pod.metadata.deletionTimestamp === undefined) return reason;
  if (textAt(pod, 'status', 'reason') === 'NodeLost') return 'Unknown';
  return ['Succeeded', 'Failed'].includes(phase) ? reason : 'Terminating';
}

type InitSummary = {all: Counts; sidecars: Counts; reason: string | undefined};

function initSummary(pod: Obj): InitSummary {
  const specs = objectsAt(pod, 'spec', 'initContainers');
  const isSidecar = (name: unknown) => specs.some((s) => s.name === name && s.restartPolicy === 'Always');
  const total =
    objectsAt(pod, 'spec', 'containers').length + specs.filter((s) => s.restartPolicy === 'Always').length;
  const all: Counts = {ready: 0, total, restarts: 0, lastRestart: ''};
  const sidecars: Counts = {...all};
  for (const [index, status] of objectsAt(pod, 'status', 'initContainerStatuses').entries()) {
    addRestarts(all, status);
    const sidecar = isSidecar(status.name);
    if (sidecar) addRestarts(sidecars, status);
    const terminated = status.state === undefined ? undefined : objectAt(status, 'state').terminated;
    if (terminated !== undefined && numberAt(terminated, 'exitCode') === 0) continue;
    if (sidecar && status.started === true) {
      if (status.ready === true) sidecars.ready++;
      continue;
    }
    return {all, sidecars, reason: initReason(status, index, specs.length)};
  }
  return {all, sidecars, reason: undefined};
}

function initReason(status: JsonObject, index: number, count: number): string {
  const {terminated, waiting} = objectAt(status, 'state');
  if (terminated !== undefined) return `Init:${exitReason(terminated)}`;
  const reason = textAt(waiting, 'reason') ?? '';
  return reason !== '' && reason !== 'PodInitializing' ? `Init:${reason}` : `Init:${index}/${count}`;
}

function exitReason(terminated: unknown): string {
  const signal = numberAt(terminated, 'signal') ?? 0;
  return (
    textAt(terminated, 'reason') ||
    (signal === 0 ? `ExitCode:${numberAt(terminated, 'exitCode') ?? 0}` : `Signal:${signal}`)
  );
}

function mainSummary(pod: Obj, init: InitSummary, first: string): Summary {
  const counts: Counts = {...init.sidecars, total: init.all.total};
  let [reason, failure, running] = [first, '', false];
  for (const status of objectsAt(pod, 'status', 'containerStatuses').reverse()) {
    addRestarts(counts, status);
    const {waiting, terminated, running: runs} = objectAt(status, 'state');
    if (textAt(waiting, 'reason')) reason = textAt(waiting, 'reason') ?? reason;
    else if (terminated !== undefined) {
      reason = exitReason(terminated);
      if ((numberAt(terminated, 'exitCode') ?? 0) !== 0) failure = reason;
    } else if (status.ready === true && runs !== undefined) {
      running = true;
      counts.ready++;
    }
  }
  if (reason === 'Completed') {
    if (running && condition(pod, 'Ready')?.status === 'True') reason = 'Running';
    else if (failure !== '') reason = failure;
    else if (running) reason = 'NotReady';
  }
  return {...counts, reason};
}

function addRestarts(counts: Counts, status: JsonObject): void {
  counts.restarts += numberAt(status, 'restartCount') ?? 0;
  const finished = textAt(status, 'lastState', 'terminated', 'finishedAt') ?? '';
  if (finished > counts.lastRestart) counts.lastRestart = finished;
}

function condition(pod: Obj, type: string): JsonObject | undefined {
  return objectsAt(pod, 'status', 'conditions').find((c) => c.type === type);
}

function readinessGates(pod: Obj): string {
  const gates = objectsAt(pod, 'spec', 'readinessGates');
  if (gates.length === 0) return none;
  const passed = gates.filter((gate) => condition(pod, String(gate.conditionType))?.status === 'True');
  return `${passed.length}/${gates.length}`;
}
