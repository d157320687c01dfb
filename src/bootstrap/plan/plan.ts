import {sha256} from '../../edges/files/host-files.ts';
import {NodectlError} from '../../lib/errors.ts';
import {type Act, describeAct} from '../apply/acts.ts';
import type {Facts} from '../phase.ts';
import {afterOf, keyOf} from './items.ts';
import type {Plan, PlanItem} from './types.ts';

export function planOf({machine, cluster, options}: Facts, items: readonly PlanItem[]): Plan {
  const where = {
    machine: {hostname: machine.hostname, machineId: machine.machineId},
    cluster: {server: cluster.server, ca: `sha256:${sha256(cluster.ca)}`, version: cluster.version},
  };
  const compared = items.map(({phase, key, before, after}) => ({phase, key, before, after}));
  const joins = items.some(({key}) => key === 'request');
  return {
    digest: sha256(JSON.stringify([where, compared])),
    ...where,
    items,
    objects: joins
      ? [
          `create CertificateSigningRequest (client of node ${options.nodeName})`,
          `register Node ${options.nodeName}`,
        ]
      : [],
  };
}

/**
 * A plan is applied to the machine that it was made for, as that was. One that was begun and interrupted goes on: what
 * is left of it must be as planned.
 * @throws NodectlError ND907 with the differences
 */
export function assertAsPlanned(planned: Plan, now: Plan, begun: boolean): void {
  if (planned.digest === now.digest) return;
  const differences = [...placeDifferences(planned, now), ...itemDifferences(planned, now, begun)];
  if (differences.length === 0) return;
  throw new NodectlError('ND907', differences.slice(0, 12).join('\n'));
}

function placeDifferences(planned: Plan, now: Plan): string[] {
  return [
    ...(planned.machine.machineId === now.machine.machineId &&
    planned.machine.hostname === now.machine.hostname
      ? []
      : [`the plan was made on ${planned.machine.hostname}, this is ${now.machine.hostname}`]),
    ...(planned.cluster.server === now.cluster.server && planned.cluster.ca === now.cluster.ca
      ? []
      : [`the cluster was ${planned.cluster.server} and is ${now.cluster.server}, or has another CA`]),
    ...(planned.cluster.version === now.cluster.version
      ? []
      : [`the version to report was ${planned.cluster.version} and is ${now.cluster.version}`]),
  ];
}

function itemDifferences(planned: Plan, now: Plan, begun: boolean): string[] {
  const known = new Map(planned.items.map((item) => [item.key, item]));
  const left = new Set(now.items.map(({key}) => key));
  const changed = now.items.flatMap((item) => differenceOf(known.get(item.key), item) ?? []);
  const gone = begun ? [] : planned.items.filter(({key}) => !left.has(key));
  return [...changed, ...gone.map(({text}) => `no longer needed: ${text}`)];
}

function differenceOf(planned: PlanItem | undefined, item: PlanItem): string | undefined {
  if (planned === undefined) return `not in the plan: ${item.text}`;
  const other = (a: string | undefined, b: string | undefined): boolean =>
    a !== undefined && b !== undefined && a !== b;
  if (other(planned.before, item.before)) return `${item.key} is not as it was`;
  return other(planned.after, item.after) ? `${item.key} would become something else` : undefined;
}

/**
 * Stands before each act of a join by plan.
 * @throws NodectlError ND908 for one that was not planned
 */
export function assertInPlan(planned: Plan, act: Act): void {
  const key = keyOf(act);
  if (key === undefined) return;
  const item = planned.items.find((candidate) => candidate.key === key);
  if (item === undefined) throw new NodectlError('ND908', `not in the plan: ${describeAct(act)}`);
  const after = afterOf(act);
  if (item.after !== undefined && after !== undefined && item.after !== after)
    throw new NodectlError('ND908', `${key} would become something else than planned`);
}
