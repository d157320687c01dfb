import {isDeepStrictEqual} from 'node:util';
import {defaultContainer} from '../../../config/pod/container-defaults.ts';
import {dnsLabel} from '../../../config/pod/validation/names.ts';
import type {Container, Pod, PodSpec} from '../../../lib/kubernetes.ts';
import type {Problems} from '../problems.ts';
import {plain} from '../semantic.ts';

const mutable =
  '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** core/validation.ValidatePodUpdate: nearly all of a pod's spec is fixed once it exists. */
export function checkPodUpdate(problems: Problems, now: Pod, before: Pod): void {
  for (const kind of ['containers', 'initContainers'] as const)
    if ((now.spec[kind] ?? []).length !== (before.spec[kind] ?? []).length) {
      problems.forbidden(`spec.${kind}`, 'pod updates may not add or remove containers');
      return;
    }
  checkDeadline(problems, now.spec.activeDeadlineSeconds, before.spec.activeDeadlineSeconds);
  checkTolerationsKept(problems, now.spec, before.spec);
  const gates = (before.spec.schedulingGates ?? []).map((gate) => gate.name);
  for (const gate of now.spec.schedulingGates ?? [])
    if (!gates.includes(gate.name))
      problems.forbidden(
        'spec.schedulingGates',
        `only deletion is allowed, but found new scheduling gate '${gate.name}'`,
      );
  if (!isDeepStrictEqual(plain(munged(now.spec, before.spec, gates.length > 0)), plain(before.spec)))
    problems.forbidden('spec', `pod updates may not change fields other than ${mutable}`);
}

function checkDeadline(problems: Problems, now: number | undefined, before: number | undefined): void {
  const field = 'spec.activeDeadlineSeconds';
  if (now === undefined && before !== undefined)
    problems.invalid(field, undefined, 'must not update from a positive integer to nil value');
  if (now !== undefined && before !== undefined && now > before)
    problems.invalid(field, now, 'must be less than or equal to previous value');
}

function checkTolerationsKept(problems: Problems, now: PodSpec, before: PodSpec): void {
  const kept = (before.tolerations ?? []).every((old) =>
    (now.tolerations ?? []).some((toleration) =>
      isDeepStrictEqual({...plain(toleration), tolerationSeconds: 0}, {...plain(old), tolerationSeconds: 0}),
    ),
  );
  if (!kept)
    problems.forbidden(
      'spec.tolerations',
      'existing toleration can not be modified except its tolerationSeconds',
    );
}

/** The new spec with every field that may change put back to what it was. */
function munged(now: PodSpec, before: PodSpec, gated: boolean): PodSpec {
  const images = (list: readonly Container[] | undefined, old: readonly Container[] | undefined) =>
    list?.map((container, at) => ({...container, image: old?.[at]?.image}));
  const negative = (before.terminationGracePeriodSeconds ?? 0) < 0 && now.terminationGracePeriodSeconds === 1;
  return {
    ...now,
    containers: images(now.containers, before.containers) ?? [],
    initContainers: images(now.initContainers, before.initContainers),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    tolerations: before.tolerations,
    schedulingGates: before.schedulingGates,
    terminationGracePeriodSeconds: negative
      ? before.terminationGracePeriodSeconds
      : now.terminationGracePeriodSeconds,
    nodeSelector: gated ? before.nodeSelector : now.nodeSelector,
    affinity: gated ? before.affinity : now.affinity,
  };
}

/** pods/ephemeralcontainers: containers may be added, never changed or removed. */
export function admitEphemeralContainers(problems: Problems, now: Pod, before: Pod): void {
  const known = before.spec.ephemeralContainers ?? [];
  const wanted = now.spec.ephemeralContainers ?? [];
  const field = 'spec.ephemeralContainers';
  for (const container of wanted) defaultContainer(container);
  for (const old of known) {
    const found = wanted.find((container) => container.name === old.name);
    if (found === undefined)
      problems.forbidden(
        field,
        `existing ephemeral containers ${JSON.stringify(old.name)} may not be removed`,
      );
    else if (!isDeepStrictEqual(plain(found), plain(old)))
      problems.forbidden(
        field,
        `existing ephemeral containers ${JSON.stringify(old.name)} may not be changed`,
      );
  }
  const names = new Set(
    [...before.spec.containers, ...(before.spec.initContainers ?? [])].map((c) => c.name),
  );
  for (const [at, container] of wanted.entries()) {
    if (!container.name) problems.required(`${field}[${at}].name`);
    else
      for (const problem of dnsLabel(container.name))
        problems.invalid(`${field}[${at}].name`, container.name, problem);
    if (names.has(container.name)) problems.duplicate(`${field}[${at}].name`, container.name);
    names.add(container.name);
    if (!container.image) problems.required(`${field}[${at}].image`);
    if (
      container.targetContainerName &&
      !before.spec.containers.some((c) => c.name === container.targetContainerName)
    )
      problems.notFound(`${field}[${at}].targetContainerName`, container.targetContainerName);
  }
}
