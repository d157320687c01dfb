import type {Node} from '../../lib/kubernetes.ts';
import type {Pressure} from './pressure.ts';

export type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastHeartbeatTime?: string;
  readonly lastTransitionTime?: string;
};

type Verdict = {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
};

/** pkg/kubelet/nodestatus/setters.go: a pressure condition is True with the first pair of words, False with the second. */
function pressureVerdict(
  type: string,
  present: boolean,
  [badReason, badMessage]: readonly [string, string],
  [goodReason, goodMessage]: readonly [string, string],
): Verdict {
  return present
    ? {type, status: 'True', reason: badReason, message: badMessage}
    : {type, status: 'False', reason: goodReason, message: goodMessage};
}

function pressureVerdicts(pressure: Pressure): Verdict[] {
  return [
    pressureVerdict(
      'MemoryPressure',
      pressure.memory,
      ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
      ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ),
    pressureVerdict(
      'DiskPressure',
      pressure.disk,
      ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
      ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    ),
    pressureVerdict(
      'PIDPressure',
      pressure.pid,
      ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
      ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    ),
  ];
}

/** Why the node cannot run pods; none means Ready. Several are listed as Go's aggregate prints them, each once. */
function readyVerdict(problems: readonly string[]): Verdict {
  if (problems.length === 0)
    return {
      type: 'Ready',
      status: 'True',
      reason: 'KubeletReady',
      message: 'kubelet is posting ready status',
    };
  const distinct = [...new Set(problems)];
  const message = distinct.length === 1 ? (distinct[0] ?? '') : `[${distinct.join(', ')}]`;
  return {type: 'Ready', status: 'False', reason: 'KubeletNotReady', message};
}

export type NodeEvent = {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
};

export type JudgedConditions = {
  /** Ready is the last of ours (kubernetes/kubernetes#16961). */
  readonly conditions: readonly Condition[];
  readonly events: readonly NodeEvent[];
};

/** Our four conditions; times of transition are kept while the status stays. */
export function judgeConditions(
  nodeName: string,
  pressure: Pressure,
  problems: readonly string[],
  before: readonly Condition[],
  now: string,
): JudgedConditions {
  const events: NodeEvent[] = [];
  const conditions = [...pressureVerdicts(pressure), readyVerdict(problems)].map((verdict) => {
    const old = before.find((condition) => condition.type === verdict.type);
    const changed = old?.status !== verdict.status;
    const first = old === undefined && verdict.type === 'Ready';
    if (changed && !first) {
      const reason = eventReason(verdict);
      events.push({type: 'Normal', reason, message: `Node ${nodeName} status is now: ${reason}`});
    }
    return {
      ...verdict,
      lastHeartbeatTime: now,
      lastTransitionTime: changed ? now : (old?.lastTransitionTime ?? now),
    };
  });
  return {conditions, events};
}

function eventReason({type, status, reason}: Verdict): string {
  if (type === 'Ready') return status === 'True' ? 'NodeReady' : 'NodeNotReady';
  return reason.replace(/^Kubelet/, 'Node');
}

export function isReady(node: Node | undefined): boolean {
  return node?.status?.conditions?.some(({type, status}) => type === 'Ready' && status === 'True') === true;
}
