import type {Container, Pod, ResourceClaim} from '../../lib/kubernetes.ts';
import {quantityValue} from '../../lib/quantity.ts';

/** One entry of spec.resourceClaims, or the claim that was made for the pod's extended resources. */
export type PodClaim = {
  /** '' for the latter. */
  readonly entry: string;
  readonly name: string;
  /** Made from a template for this pod: it must belong to it. */
  readonly isGenerated: boolean;
};

/**
 * The ResourceClaims that a pod uses; an entry whose template needs none is left out
 * (dynamic-resource-allocation/resourceclaim). @throws when one has not been made yet
 */
export function podClaims(pod: Pod): PodClaim[] {
  const listed = (pod.spec.resourceClaims ?? []).flatMap((entry) => claimOf(pod, entry));
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  return extended === undefined ? listed : [...listed, {entry: '', name: extended, isGenerated: false}];
}

/** The same, for those who only tell: of a pod whose claims are not all made yet nothing is told. */
export function madeClaims(pod: Pod): PodClaim[] {
  try {
    return podClaims(pod);
  } catch {
    return [];
  }
}

type Entry = NonNullable<Pod['spec']['resourceClaims']>[number];

function claimOf({metadata, status}: Pod, entry: Entry): PodClaim[] {
  const {name, resourceClaimName, resourceClaimTemplateName} = entry;
  if (resourceClaimName !== undefined) return [{entry: name, name: resourceClaimName, isGenerated: false}];
  const pod = `pod "${metadata.namespace}/${metadata.name}"`;
  if (resourceClaimTemplateName === undefined)
    throw new Error(`${pod}, spec.resourceClaim "${name}": none of the supported fields are set`);
  const generated = status?.resourceClaimStatuses?.find((one) => one.name === name);
  if (generated === undefined) throw new Error(`${pod}: ResourceClaim not created yet`);
  const {resourceClaimName: made} = generated;
  return made === undefined ? [] : [{entry: name, name: made, isGenerated: true}];
}

/** Why the pod may not use the claim; undefined: it may. */
export function refusal({metadata}: Pod, claim: ResourceClaim, isGenerated: boolean): string | undefined {
  const {name, namespace, uid, ownerReferences} = claim.metadata;
  const isOwner = ownerReferences?.some((owner) => owner.controller === true && owner.uid === metadata.uid);
  if (isGenerated && !isOwner)
    return `ResourceClaim ${namespace}/${name} was not created for Pod ${metadata.namespace}/${metadata.name} (Pod is not owner)`;
  if (!claim.status?.reservedFor?.some((user) => user.uid === metadata.uid))
    return `pod ${metadata.name} (${metadata.uid}) is not allowed to use ResourceClaim ${name} (${uid})`;
  if (claim.status.allocation === undefined) return `ResourceClaim ${name}: not allocated`;
  return undefined;
}

/** Requests of one claim that a container uses; '' is all of them. */
export type ContainerClaim = {readonly name: string; readonly requests: readonly string[]};

/** What of the pod's claims the container uses. @throws when one has not been made yet */
export function containerClaims(pod: Pod, container: Container): ContainerClaim[] {
  const used = container.resources?.claims ?? [];
  const found = podClaims(pod).flatMap(({entry, name}) => {
    const requests =
      entry === ''
        ? extendedRequests(pod, container)
        : used.filter((claim) => claim.name === entry).map(({request}) => request ?? '');
    return requests.length === 0 ? [] : [{name, requests}];
  });
  return found;
}

export function hasExtended({status}: Pod, {name}: Container): boolean {
  const mappings = status?.extendedResourceClaimStatus?.requestMappings ?? [];
  return mappings.some(({containerName}) => containerName === name);
}

/** Requests that stand for extended resources which the container asks for (DRAExtendedResource). */
function extendedRequests({status}: Pod, {name, resources}: Container): string[] {
  const asked = new Set(
    Object.entries(resources?.requests ?? {})
      .filter(([, amount]) => quantityValue(amount) !== 0)
      .map(([resource]) => resource),
  );
  return (status?.extendedResourceClaimStatus?.requestMappings ?? [])
    .filter((mapping) => mapping.containerName === name && asked.has(mapping.resourceName))
    .map(({requestName}) => requestName);
}
