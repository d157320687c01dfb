import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cri} from '../../edges/cri/client.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import type {RuntimeCache} from './cache.ts';
import {type RuntimeEvents, startRuntimeEvents} from './events.ts';
import type {RuntimeHealth} from './readiness.ts';

export type FollowOptions = {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: KubeletConfig;
  readonly telemetry?: Telemetry;
  readonly runtime: RuntimeCache;
  readonly health: RuntimeHealth;
  /** Something has happened to this pod in the runtime. */
  readonly onPod: (uid: string) => void;
  /** The runtime is back: whatever failed for want of it is tried again. */
  readonly onBack: () => void;
};

/** Keeps what is known of the runtime current: by its events, and by lists behind them. */
export function followRuntime(options: FollowOptions): RuntimeEvents {
  const {config, log, runtime, health, onPod, onBack} = options;
  return startRuntimeEvents({
    ...options,
    endpoint: config.containerRuntimeEndpoint,
    podOf: (id) => runtime.podOf(id),
    hasEnded: (id) => runtime.hasEnded(id),
    onEvent: (uid) => {
      runtime.touch(uid);
      onPod(uid);
    },
    relist: () => relist(options),
    onRelisted: (error) => {
      if (error === undefined && health.listed()) onBack();
      if (error === undefined) return;
      health.notListed();
      log.warn('the runtime could not be listed', {error: describeError(error)});
    },
  });
}

async function relist({clock, telemetry, runtime}: FollowOptions): Promise<void> {
  const startMs = clock.monotonic();
  await runtime.relist();
  telemetry?.relisted(startMs, clock.monotonic(), clock.now());
}
