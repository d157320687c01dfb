import type {KubeletConfig} from '../../config/kubelet.ts';

export type ShutdownPeriod = {readonly priority: number; readonly seconds: number};
export type ShutdownGroup<P> = ShutdownPeriod & {readonly pods: readonly P[]};

type ShutdownConfig = Pick<
  KubeletConfig,
  'shutdownGracePeriod' | 'shutdownGracePeriodCriticalPods' | 'shutdownGracePeriodByPodPriority'
>;

const systemCriticalPriority = 2_000_000_000;

/** In the order in which they come; empty when shutdowns are not held back (nodeshutdown_manager.go, migrateConfig). */
export function shutdownPeriods(config: ShutdownConfig): ShutdownPeriod[] {
  const given = config.shutdownGracePeriodByPodPriority.map(({priority, shutdownGracePeriodSeconds}) => ({
    priority,
    seconds: shutdownGracePeriodSeconds,
  }));
  if (given.length > 0) return given.sort((a, b) => a.priority - b.priority);
  const {shutdownGracePeriod: wholeMs, shutdownGracePeriodCriticalPods: criticalMs} = config;
  if (wholeMs === 0 || criticalMs > wholeMs) return [];
  return [
    {priority: 0, seconds: Math.floor((wholeMs - criticalMs) / 1000)},
    {priority: systemCriticalPriority, seconds: Math.floor(criticalMs / 1000)},
  ];
}

/** Each pod goes with the highest priority that is not above its own, or else with the lowest. */
export function groupByPriority<P extends {readonly priority: number}>(
  periods: readonly ShutdownPeriod[],
  pods: readonly P[],
): ShutdownGroup<P>[] {
  return periods.map((period, at) => ({
    ...period,
    pods: pods.filter(({priority}) => {
      const own = periods.findLastIndex((other) => other.priority <= priority);
      return Math.max(0, own) === at;
    }),
  }));
}
