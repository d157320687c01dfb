import {isDeepStrictEqual} from 'node:util';
import {defaultPodSpec} from '../../config/pod/pod-defaults.ts';
import {checkPodSpec, checkTemplateLabels} from '../../config/pod/validation/pod.ts';
import type {Deployment, ReplicaSet} from '../../lib/kubernetes.ts';
import {matchesSelector} from '../../lib/labels.ts';
import {checkMetadata} from './metadata.ts';
import {Problems} from './problems.ts';
import type {Write} from './types.ts';

export function admitDeployment(write: Write<Deployment>): void {
  if (write.subresource !== undefined) return;
  const {spec} = write.object;
  if (spec) {
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    spec.strategy ??= {};
    spec.strategy.type ||= 'RollingUpdate';
    if (spec.strategy.type === 'RollingUpdate') {
      spec.strategy.rollingUpdate ??= {};
      spec.strategy.rollingUpdate.maxSurge ??= '25%';
      spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    }
  }
  const problems = checkWorkload(write);
  if (spec) checkStrategy(problems, spec);
  problems.throwIfAny(write.resource, write.object.metadata.name);
}

export function admitReplicaSet(write: Write<ReplicaSet>): void {
  if (write.subresource !== undefined) return;
  if (write.object.spec) write.object.spec.replicas ??= 1;
  checkWorkload(write).throwIfAny(write.resource, write.object.metadata.name);
}

/** What Deployments and ReplicaSets share: selector, template, replicas. */
function checkWorkload(write: Write<Deployment> | Write<ReplicaSet>): Problems {
  const problems = new Problems();
  const {object, old} = write;
  checkMetadata(problems, object, write.resource, old);
  const {spec} = object;
  if (!spec?.template?.spec) {
    problems.required('spec.template.spec.containers');
    return problems;
  }
  const {selector, template} = spec;
  if (template.spec) defaultPodSpec(template.spec);
  if ((spec.replicas ?? 0) < 0)
    problems.invalid('spec.replicas', spec.replicas, 'must be greater than or equal to 0');
  const empty = !selector || (!selector.matchLabels && !selector.matchExpressions?.length);
  if (!selector) problems.required('spec.selector');
  else if (
    empty ||
    Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0
  )
    problems.invalid('spec.selector', selector, 'empty selector is invalid for deployment');
  else if (!matchesSelector(selector, template.metadata?.labels))
    problems.invalid(
      'spec.template.metadata.labels',
      template.metadata?.labels ?? {},
      '`selector` does not match template `labels`',
    );
  checkTemplateLabels(problems, template.metadata, 'spec.template');
  if (template.spec) checkPodSpec(problems, template.spec, 'spec.template.spec');
  problems.oneOf('spec.template.spec.restartPolicy', template.spec?.restartPolicy, ['Always']);
  if (old?.spec && !isDeepStrictEqual(selector, old.spec.selector))
    problems.invalid('spec.selector', selector, 'field is immutable');
  return problems;
}

function checkStrategy(problems: Problems, spec: NonNullable<Deployment['spec']>): void {
  problems.oneOf('spec.strategy.type', spec.strategy?.type, ['Recreate', 'RollingUpdate']);
  const rolling = spec.strategy?.rollingUpdate;
  if (spec.strategy?.type === 'Recreate' && rolling)
    problems.forbidden(
      'spec.strategy.rollingUpdate',
      "may not be specified when strategy `type` is 'Recreate'",
    );
  if (spec.strategy?.type === 'RollingUpdate' && rolling) {
    for (const key of ['maxSurge', 'maxUnavailable'] as const)
      checkAmount(problems, rolling[key], `spec.strategy.rollingUpdate.${key}`);
    if (isZero(rolling.maxSurge) && isZero(rolling.maxUnavailable))
      problems.invalid(
        'spec.strategy.rollingUpdate.maxUnavailable',
        rolling.maxUnavailable,
        'may not be 0 when `maxSurge` is 0',
      );
  }
  const deadline = spec.progressDeadlineSeconds;
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0))
    problems.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds');
}

const isZero = (value: string | number | undefined) => value === 0 || value === '0%';

function checkAmount(problems: Problems, value: string | number | undefined, field: string): void {
  if (typeof value === 'number' && value < 0)
    problems.invalid(field, value, 'must be greater than or equal to 0');
  if (typeof value === 'string' && !/^\d+%$/.test(value))
    problems.invalid(
      field,
      value,
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    );
}
