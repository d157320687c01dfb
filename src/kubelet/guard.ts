import type {KubeletConfig} from '../config/kubelet.ts';
import type {Cri} from '../edges/cri/client.ts';
import {type EventRecorder, eventTarget} from '../edges/kube/events.ts';
import {observeMachine} from '../edges/machine/machine.ts';
import {takesNoswap} from '../edges/mounts/mounts.ts';
import {type Logind, openLogind} from '../edges/systemd/logind.ts';
import {describeError} from '../lib/errors.ts';
import type {Pod} from '../lib/kubernetes.ts';
import type {Logger} from '../lib/log.ts';
import type {Clock} from '../lib/time.ts';
import type {Rejection} from './admission/types.ts';
import type {PodAgent} from './agent/agent-api.ts';
import {refusedUnderPressure} from './eviction/admission.ts';
import {type Eviction, startEviction} from './eviction/manager.ts';
import {tellOfMachine} from './node/machine-warnings.ts';
import type {Pressure} from './node/pressure.ts';
import {startOomWatch} from './node/system-oom.ts';
import {type Shutdown, startShutdown} from './shutdown/manager.ts';
import type {Telemetry} from './stats/metrics/telemetry.ts';
import {type Machine, type Stats, startStats} from './stats/stats.ts';

export type GuardOptions = {
  readonly config: KubeletConfig;
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: EventRecorder;
  readonly agent: PodAgent;
  /** What the Node's status says of this node has changed. */
  readonly onChange: () => void;
  readonly telemetry?: Telemetry;
  readonly logind?: Logind;
  readonly machine?: Partial<Machine>;
  readonly everyMs?: number;
};

/** Keeps the node able to work: measures it, evicts, and takes no pod that it could not bear. */
export type Guard = {
  readonly stats: Stats;
  pressure(): Pressure;
  /** Further reasons why the node is not Ready. */
  problems(): readonly string[];
  /** Why the node takes no such pod just now. */
  refuse(pod: Pod, isStatic: boolean): Rejection | undefined;
  stop(): Promise<void>;
};

export async function startGuard(options: GuardOptions): Promise<Guard> {
  const {agent} = options;
  const {pods, runtimeOf, volumeUsage: readVolumes} = agent;
  const stats = await startStats({...options, pods, runtimeOf, readVolumes});
  const eviction = guardEviction(options, stats);
  const shutdown = guardShutdown(options);
  tellMachine(options);
  const oom = startOomWatch({...options, tell: (...words) => tellNode(options, 'Warning', ...words)});
  return {
    stats,
    pressure: () => eviction.pressure(),
    refuse: (pod, isStatic) => refusedUnderPressure(eviction.pressure(), pod, isStatic) ?? shutdown.refuse(),
    problems: () => [shutdown.problem() ?? []].flat(),
    async stop() {
      stats.stop();
      await Promise.all([eviction.stop(), shutdown.stop(), oom.stop()]);
    },
  };
}

/** The kubelet's Node events name the Node in place of its uid (nodeutil.GetNodeRef): kubectl describe looks for it. */
function tellNode(
  {recorder, config: {nodeName: name}}: GuardOptions,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  recorder.record({kind: 'Node', name, uid: name}, type, reason, message);
}

function tellMachine(options: GuardOptions): void {
  const {config, log} = options;
  observeMachine()
    .then((machine) =>
      tellOfMachine({...machine, tryNoswap: () => takesNoswap(config.rootDir)}, (...words) =>
        tellNode(options, ...words),
      ),
    )
    .catch((error: unknown) =>
      log.warn('what kind of machine this is cannot be read', {error: describeError(error)}),
    );
}

function guardShutdown(options: GuardOptions): Shutdown {
  const {agent, clock} = options;
  return startShutdown({
    ...options,
    logind: options.logind ?? openLogind({clock}),
    active: agent.active,
    end: agent.end,
    isCleanedUp: agent.isCleanedUp,
    tellNode: (message) => tellNode(options, 'Normal', 'NodeShutdown', message),
  });
}

function guardEviction(options: GuardOptions, stats: Stats): Eviction {
  const {agent, recorder, onChange, telemetry} = options;
  return startEviction({
    ...options,
    stats,
    active: agent.active,
    end: agent.end,
    // Before that its log would count against the next pod.
    isCleanedUp: agent.isOver,
    reclaim: agent.reclaim,
    onPressure: onChange,
    onEvicted: (signal, ageMs) => telemetry?.evicted(signal, ageMs),
    tellNode: (reason, message) => tellNode(options, 'Warning', reason, message),
    tellPod: (pod, message, annotations) =>
      recorder.record(
        eventTarget({kind: 'Pod', apiVersion: 'v1', ...pod}),
        'Warning',
        'Evicted',
        message,
        annotations,
      ),
  });
}
