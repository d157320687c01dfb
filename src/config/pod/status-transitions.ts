import type {ContainerStatus, PodSpec, PodStatus} from '../../lib/kubernetes.ts';
import {couldRestartAll, restartsAfter} from './restart-rules.ts';

type Statuses = readonly ContainerStatus[] | undefined;
type MayReturn = (name: string, exitCode: number) => boolean;

const ephemeral = 'ephemeralContainerStatuses';

/**
 * Which container states of a pod's next status the API server refuses, by their places in the last one: what has ended
 * for good does not come back (core/validation, ValidateContainerStateTransition and its siblings).
 */
export function refusedStates(
  spec: PodSpec,
  next: PodStatus | undefined,
  last: PodStatus | undefined,
): string[] {
  const lists = {containerStatuses: spec.containers, initContainerStatuses: spec.initContainers};
  const among = (field: keyof typeof lists | typeof ephemeral, mayReturn: MayReturn) =>
    returned(next?.[field], last?.[field], mayReturn).map((at) => `status.${field}[${at}].state`);
  const byPolicy = (field: keyof typeof lists) =>
    among(field, (name, exitCode) => {
      const container = lists[field]?.find((one) => one.name === name);
      return container !== undefined && restartsAfter(container, spec, exitCode);
    });
  const own = couldRestartAll(spec)
    ? []
    : [...byPolicy('containerStatuses'), ...byPolicy('initContainerStatuses')];
  return [...own, ...among(ephemeral, () => false)];
}

/** Where in the last list stands what had ended, has not in the next one, and may not begin again. */
function returned(next: Statuses = [], last: Statuses = [], mayReturn: MayReturn): number[] {
  return last.flatMap(({name, state}, at) => {
    const ended = state?.terminated;
    const now = next.find((one) => one.name === name);
    const isBack = ended !== undefined && now !== undefined && now.state?.terminated === undefined;
    return isBack && !mayReturn(name, ended.exitCode) ? [at] : [];
  });
}
