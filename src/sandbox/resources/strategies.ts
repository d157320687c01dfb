import {equal, listAt, numberAt, objectAt, textAt} from '../json.ts';
import type {Strategy} from './definition.ts';

export const plain: Strategy = {};

/** Kinds whose metadata.generation counts changes of their spec. */
export const counted: Strategy = {generation: true};

/** registry/core/pod/strategy.go: an unscheduled or finished pod has nobody to wait for. */
export const podStrategy: Strategy = {
  generation: true,
  statusTakesMetadata: true,
  prepareForCreate: (pod) => {
    pod.status = {...objectAt(pod, 'status'), phase: 'Pending'};
  },
  prepareForUpdate: (pod, old, subresource) => {
    if (subresource === 'status') {
      const qosClass = textAt(old, 'status', 'qosClass');
      pod.status = {...objectAt(pod, 'status'), ...(qosClass === undefined ? {} : {qosClass})};
    }
  },
  graceSeconds: (pod, asked) => {
    if (!textAt(pod, 'spec', 'nodeName')) return 0;
    if (['Succeeded', 'Failed'].includes(textAt(pod, 'status', 'phase') ?? '')) return 0;
    const period = asked ?? numberAt(pod, 'spec', 'terminationGracePeriodSeconds') ?? 30;
    return period < 0 ? 1 : period;
  },
};

export const nodeStrategy: Strategy = {statusTakesMetadata: true};

export const namespaceStrategy: Strategy = {
  specFinalizers: true,
  prepareForCreate: (namespace) => {
    const finalizers = listAt(namespace, 'spec', 'finalizers');
    namespace.spec = {
      finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'],
    };
    namespace.status = {phase: 'Active'};
    const {metadata} = namespace;
    metadata.labels = {...metadata.labels, 'kubernetes.io/metadata.name': metadata.name};
  },
  prepareForUpdate: (namespace, old, subresource) => {
    if (subresource !== 'finalize') namespace.spec = old.spec;
    const {metadata} = namespace;
    metadata.labels = {...metadata.labels, 'kubernetes.io/metadata.name': metadata.name};
  },
};

/** certificates/strategy.go: only /approval sets Approved and Denied, only /status the certificate. */
export const csrStrategy: Strategy = {
  prepareForCreate: (csr) => {
    csr.status = {};
  },
  prepareForUpdate: (csr, old, subresource) => {
    if (subresource === undefined) return;
    csr.spec = old.spec;
    const decided = (condition: unknown) => ['Approved', 'Denied'].includes(textAt(condition, 'type') ?? '');
    const given = listAt(csr, 'status', 'conditions');
    const had = listAt(old, 'status', 'conditions');
    const stamped = given.map((condition) => ({
      status: 'True',
      ...objectAt({condition}, 'condition'),
    }));
    const conditions =
      subresource === 'approval'
        ? [...had.filter((c) => !decided(c)), ...stamped.filter(decided)]
        : [...had.filter(decided), ...stamped.filter((c) => !decided(c))];
    const base = subresource === 'approval' ? objectAt(old, 'status') : objectAt(csr, 'status');
    csr.status = {...base, ...(conditions.length > 0 ? {conditions} : {})};
  },
};

/** EndpointSlices have no spec: everything but metadata counts, labels too. */
export const sliceStrategy: Strategy = {generation: true};

export const writtenByPut: Strategy = {createOnUpdate: true};

/** The fields that generation counts: everything outside metadata and status. */
export function sameSpec(a: object, b: object): boolean {
  const strip = ({...rest}: object) => ({...rest, metadata: undefined, status: undefined});
  return equal(strip(a), strip(b));
}
