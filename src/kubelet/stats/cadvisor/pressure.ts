import {type PressureResource, pressureResources} from '../../../edges/cgroups/cgroup-sample.ts';
import {type CadvisorMetric, counter, just, type Read, sampleOf} from './metric.ts';

const ofPressure =
  (resource: PressureResource, which: 'some' | 'full'): Read =>
  (subject) => {
    const us = sampleOf(subject).pressure?.[resource]?.[which].totalUs;
    return just(us === undefined ? undefined : us / 1e6);
  };

export const pressure: readonly CadvisorMetric[] = pressureResources.flatMap((resource) => {
  const name = resource === 'cpu' ? 'CPU' : resource === 'io' ? 'IO' : 'memory';
  return [
    counter(
      `container_pressure_${resource}_stalled_seconds_total`,
      `Total time duration no tasks in the container could make progress due to ${name} congestion.`,
      ofPressure(resource, 'full'),
    ),
    counter(
      `container_pressure_${resource}_waiting_seconds_total`,
      `Total time duration tasks in the container have waited due to ${name} congestion.`,
      ofPressure(resource, 'some'),
    ),
  ];
});
