import {type Clock, timestamp} from '../../../lib/time.ts';
import type {Obj} from '../../contract.ts';
import {listAt, objectAt, objectsAt, textAt} from '../../json.ts';
import {podDefinition} from '../../resources/table.ts';
import {conflict, invalid} from '../../status.ts';
import {json} from '../http/request.ts';
import type {Special} from '../operations/operations.ts';
import type {Registry} from '../registry.ts';

/** pods/binding and the older bindings: gives a pod its node, once. */
export function bindPod(registry: Registry, clock: Clock): Special {
  return (target, request, context) => {
    const name = target.name ?? textAt(request.body, 'metadata', 'name') ?? '';
    const node = textAt(request.body, 'target', 'name') ?? '';
    if (node === '')
      throw invalid({group: '', plural: 'bindings', kind: 'Binding'}, name, [
        {field: 'target.name', message: 'Required value', reason: 'FieldValueRequired'},
      ]);
    const uid = textAt(request.body, 'metadata', 'uid');
    registry.update(
      podDefinition,
      {namespace: target.namespace, name, subresource: 'binding'},
      (pod) => {
        check(pod, node, uid);
        const annotations = {
          ...pod.metadata.annotations,
          ...objectAt(request.body, 'metadata', 'annotations'),
        };
        const some = Object.keys(annotations).length > 0;
        return {
          ...pod,
          metadata: {...pod.metadata, ...(some ? {annotations} : {})},
          spec: {...objectAt(pod, 'spec'), nodeName: node},
          status: {...objectAt(pod, 'status'), conditions: scheduled(pod, timestamp(clock.now()))},
        };
      },
      context,
    );
    return json(201, {kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201});
  };
}

function check(pod: Obj, node: string, uid: string | undefined): void {
  const {name, deletionTimestamp} = pod.metadata;
  const refuse = (why: string) => conflict({group: '', plural: 'pods/binding', kind: 'Binding'}, name, why);
  const bound = textAt(pod, 'spec', 'nodeName');
  if (uid && uid !== pod.metadata.uid)
    throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`);
  if (deletionTimestamp !== undefined)
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (bound) throw refuse(`pod ${name} is already assigned to node "${bound}"`);
  if (listAt(pod, 'spec', 'schedulingGates').length > 0)
    throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  if (node === '') throw refuse('no node given');
}

function scheduled(pod: Obj, now: string): object[] {
  const others = objectsAt(pod, 'status', 'conditions').filter((c) => c.type !== 'PodScheduled');
  const {generation} = pod.metadata;
  return [
    ...others,
    {
      type: 'PodScheduled',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: now,
      ...(generation === undefined ? {} : {observedGeneration: generation}),
    },
  ];
}
