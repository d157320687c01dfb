import type {Act} from '../apply/acts.ts';

/**
 * An act that will be decided later. `before`: what it meets may be changed by an earlier act (a package brings a
 * configuration). `after`: what it writes follows from something that is not there yet (a certificate).
 */
export type Foreseen = Act & {readonly open?: 'before' | 'after'};

/** One change of a plan. `before` and `after` are what is compared when it is applied; absent ones are not known yet. */
export type PlanItem = {
  readonly phase: string;
  /** What is changed, whatever to. */
  readonly key: string;
  readonly text: string;
  readonly before?: string;
  readonly after?: string;
  /** For people. */
  readonly diff?: string;
};

/** What is to be changed on which machine for which cluster, and a digest of all that it was decided from. */
export type Plan = {
  readonly digest: string;
  readonly machine: {readonly hostname: string; readonly machineId: string};
  readonly cluster: {readonly server: string; readonly ca: string; readonly version?: string | undefined};
  readonly items: readonly PlanItem[];
  /** Made in the cluster, by the join or by the kubelet that it starts. */
  readonly objects: readonly string[];
};
