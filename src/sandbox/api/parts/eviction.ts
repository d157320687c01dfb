import type {Clock} from '../../../lib/time.ts';
import {isObject, textAt} from '../../json.ts';
import {podDefinition} from '../../resources/table.ts';
import {badRequest} from '../../status.ts';
import {json} from '../http/request.ts';
import {deleteObject} from '../operations/deletion.ts';
import {nameOf, type Special} from '../operations/operations.ts';
import type {Registry} from '../registry.ts';

/** policy/v1 Eviction: a delete that asks. There are no disruption budgets here, so nothing forbids it. */
export function evictPod(registry: Registry, clock: Clock): Special {
  return (target, request, context) => {
    const name = nameOf(target);
    const named = textAt(request.body, 'metadata', 'name');
    if (named !== undefined && named !== name)
      throw badRequest(`name in URL does not match name in Eviction object: "${named}"`);
    registry.get(podDefinition, target.namespace, name);
    registry.admitPart(podDefinition, 'eviction', {namespace: target.namespace, name}, context);
    const options = isObject(request.body) ? request.body.deleteOptions : undefined;
    const dryRun = context.dryRun || (isObject(options) && Array.isArray(options.dryRun));
    deleteObject(registry, clock, podDefinition, {namespace: target.namespace, name}, options ?? {}, dryRun);
    return json(201, {kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201});
  };
}
