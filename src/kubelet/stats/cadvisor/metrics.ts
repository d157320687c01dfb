import {activity} from './activity.ts';
import {cpu} from './cpu.ts';
import {files} from './files.ts';
import {memory} from './memory.ts';
import type {CadvisorMetric} from './metric.ts';
import {network} from './network.ts';
import {pressure} from './pressure.ts';
import {others} from './spec.ts';

/** All families of containers, in the order in which they are told. */
export const cadvisorMetrics: readonly CadvisorMetric[] = [
  ...cpu,
  ...memory,
  ...files,
  ...activity,
  ...network,
  ...pressure,
  ...others,
];
