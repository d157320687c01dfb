import type {CgroupSample} from '../../../edges/cgroups/cgroup-sample.ts';
import type {Subject} from '../types.ts';

type Value = {readonly value: number; readonly labels?: string};

/** One family of cAdvisor's (metrics/prometheus.go), and what a cgroup has to tell in it. */
export type CadvisorMetric = {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Lines carry the instant of the reading. */
  readonly stamped: boolean;
  readonly read: (subject: Subject) => readonly Value[];
};

export type Read = CadvisorMetric['read'];

export const just = (value: number | undefined): Value[] => (value === undefined ? [] : [{value}]);
export const counter = (name: string, help: string, read: Read): CadvisorMetric => ({
  name,
  help,
  type: 'counter',
  stamped: true,
  read,
});
export const gauge = (name: string, help: string, read: Read): CadvisorMetric => ({
  ...counter(name, help, read),
  type: 'gauge',
});
export const spec = (name: string, help: string, read: Read): CadvisorMetric => ({
  ...gauge(name, help, read),
  stamped: false,
});

export const sampleOf = ({measured}: Subject): CgroupSample => measured.sample;
