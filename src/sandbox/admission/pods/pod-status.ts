import {couldRestartAll, restartsAfter} from '../../../config/pod/restart-rules.ts';
import type {Container, ContainerStatus, Pod} from '../../../lib/kubernetes.ts';
import type {Problems} from '../problems.ts';

type Statuses = readonly ContainerStatus[] | undefined;

/** core/validation.ValidatePodStatusUpdate: what has ended for good does not come back. */
export function checkPodStatus(problems: Problems, {status: now}: Pod, {status: before, spec}: Pod): void {
  const comesBack = (kind: 'containers' | 'initContainers') => (name: string, exitCode: number) => {
    const container = (spec[kind] ?? []).find((one: Container) => one.name === name);
    return container !== undefined && restartsAfter(container, spec, exitCode);
  };
  const check = (field: string, given: Statuses, had: Statuses, mayReturn: MayReturn) => {
    for (const at of returned(given, had, mayReturn))
      problems.forbidden(`status.${field}[${at}].state`, 'may not be transitioned to non-terminated state');
  };
  const ephemeral = 'ephemeralContainerStatuses';
  check(ephemeral, now?.[ephemeral], before?.[ephemeral], () => false);
  if (couldRestartAll(spec)) return;
  for (const kind of ['containers', 'initContainers'] as const) {
    const field = kind === 'containers' ? 'containerStatuses' : 'initContainerStatuses';
    check(field, now?.[field], before?.[field], comesBack(kind));
  }
}

type MayReturn = (name: string, exitCode: number) => boolean;

/** Where in the old list stands what had ended, has not in the new one, and may not begin again. */
function returned(given: Statuses = [], had: Statuses = [], mayReturn: MayReturn): number[] {
  return had.flatMap(({name, state}, at) => {
    const ended = state?.terminated;
    const next = given.find((one) => one.name === name);
    const isBack = ended !== undefined && next !== undefined && next.state?.terminated === undefined;
    return isBack && !mayReturn(name, ended.exitCode) ? [at] : [];
  });
}
