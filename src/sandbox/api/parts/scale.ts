import type {Clock} from '../../../lib/time.ts';
import type {Obj} from '../../contract.ts';
import {isObject, numberAt, objectAt} from '../../json.ts';
import {selectorText} from '../../resources/columns/shared.ts';
import {badRequest, invalid, staleVersion} from '../../status.ts';
import {json} from '../http/request.ts';
import {nameOf, type Special} from '../operations/operations.ts';
import {changeFor} from '../operations/patching.ts';
import type {Registry} from '../registry.ts';

/** autoscaling/v1 Scale of a workload: its replicas, and how to find its pods. */
export function scaleOf(registry: Registry, clock: Clock): Special {
  return (target, request, context) => {
    const {definition, namespace} = target;
    const name = nameOf(target);
    if (target.verb === 'get') return json(200, scale(registry.get(definition, namespace, name)));
    const updated = registry.update(
      definition,
      {namespace, name},
      (old) => {
        const wanted =
          target.verb === 'patch'
            ? changeFor(definition, request, context, clock.now()).apply(scale(old))
            : request.body;
        if (!isObject(wanted)) throw badRequest('the object provided is not a Scale');
        const version = objectAt(wanted, 'metadata').resourceVersion;
        if (version && version !== old.metadata.resourceVersion)
          throw staleVersion(definition.resource, name);
        const replicas = numberAt(wanted, 'spec', 'replicas') ?? 0;
        if (replicas < 0)
          throw invalid({group: 'autoscaling', plural: 'scales', kind: 'Scale'}, name, [
            {
              field: 'spec.replicas',
              message: `Invalid value: ${replicas}: must be greater than or equal to 0`,
            },
          ]);
        return {...old, spec: {...objectAt(old, 'spec'), replicas}};
      },
      context,
    );
    return json(200, scale(updated));
  };
}

function scale(object: Obj): Obj {
  const {name, namespace, uid, resourceVersion, creationTimestamp} = object.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {name, namespace, uid, resourceVersion, creationTimestamp},
    spec: {replicas: numberAt(object, 'spec', 'replicas') ?? 1},
    status: {
      replicas: numberAt(object, 'status', 'replicas') ?? 0,
      selector: selectorText(objectAt(object, 'spec', 'selector')),
    },
  };
}
