import {checkLabels} from '../../config/pod/validation/labels.ts';
import {dnsLabel, dnsSubdomain, pathSegment, qualifiedName} from '../../config/pod/validation/names.ts';
import type {KubeObject, ObjectMeta} from '../../lib/kubernetes.ts';
import type {Resource} from '../../lib/resources.ts';
import type {Problems} from './problems.ts';

const maxAnnotationBytes = 256 * 1024;
const labelNamed = new Set(['namespaces', 'services']);

function nameCheck(resource: Resource): (name: string) => string[] {
  if (resource.group === 'rbac.authorization.k8s.io') return pathSegment;
  return resource.group === '' && labelNamed.has(resource.plural) ? dnsLabel : dnsSubdomain;
}

/** metav1.ObjectMeta of any object (apimachinery/pkg/api/validation/objectmeta.go). */
export function checkMetadata(
  problems: Problems,
  object: KubeObject,
  resource: Resource,
  old?: KubeObject,
): void {
  const {metadata} = object;
  if (old === undefined) checkName(problems, metadata, resource);
  checkLabels(problems, metadata.labels, 'metadata.labels');
  checkAnnotations(problems, metadata.annotations);
  for (const [at, owner] of (metadata.ownerReferences ?? []).entries()) {
    const field = `metadata.ownerReferences[${at}]`;
    if (!owner.apiVersion)
      problems.invalid(`${field}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty');
    if (!owner.kind) problems.invalid(`${field}.kind`, owner.kind ?? '', 'must not be empty');
    if (!owner.name) problems.invalid(`${field}.name`, owner.name ?? '', 'must not be empty');
    if (!owner.uid) problems.invalid(`${field}.uid`, owner.uid ?? '', 'must not be empty');
  }
  checkOneController(problems, metadata);
  if (
    old !== undefined &&
    metadata.deletionTimestamp !== undefined &&
    old.metadata.deletionTimestamp !== undefined
  )
    checkNoNewFinalizers(problems, metadata, old.metadata);
}

function checkName(problems: Problems, metadata: ObjectMeta, resource: Resource): void {
  const check = nameCheck(resource);
  if (metadata.generateName)
    for (const problem of check(`${metadata.generateName.replace(/-$/, '')}`.slice(0, 58)))
      problems.invalid('metadata.generateName', metadata.generateName, problem);
  if (!metadata.name) {
    if (!metadata.generateName) problems.required('metadata.name', 'name or generateName is required');
    return;
  }
  for (const problem of check(metadata.name)) problems.invalid('metadata.name', metadata.name, problem);
}

function checkAnnotations(problems: Problems, annotations: Record<string, string> | undefined): void {
  let total = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    for (const problem of qualifiedName(key.toLowerCase()))
      problems.invalid('metadata.annotations', key, problem);
    total += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (total > maxAnnotationBytes) problems.tooLong('metadata.annotations', maxAnnotationBytes);
}

function checkOneController(problems: Problems, metadata: ObjectMeta): void {
  const controllers = (metadata.ownerReferences ?? []).filter((owner) => owner.controller === true);
  const [first, second] = controllers;
  if (first !== undefined && second !== undefined)
    problems.invalid(
      'metadata.ownerReferences',
      metadata.ownerReferences,
      `Only one reference can have Controller set to true. Found "true" in references for ${first.kind}/${first.name} and ${second.kind}/${second.name}`,
    );
}

function checkNoNewFinalizers(problems: Problems, now: ObjectMeta, before: ObjectMeta): void {
  const added = (now.finalizers ?? []).filter((name) => !before.finalizers?.includes(name));
  if (added.length > 0)
    problems.forbidden(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((a) => JSON.stringify(a)).join(', ')}}`,
    );
}
