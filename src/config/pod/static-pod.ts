import {createHash} from 'node:crypto';
import {parseDocument, type ScalarTag} from 'yaml';
import * as z from 'zod/mini';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import {isObject} from '../../lib/text/json.ts';
import {conform} from '../schema/conform.ts';
import {defaultPod} from './pod-defaults.ts';
import {checkPodSpec} from './validation/pod.ts';
import {Problems} from './validation/problems.ts';

/** Annotations by which static pods and their mirrors are known (pkg/kubelet/types/pod_update.go). */
export const staticAnnotations = {
  source: 'kubernetes.io/config.source',
  hash: 'kubernetes.io/config.hash',
  seen: 'kubernetes.io/config.seen',
  mirror: 'kubernetes.io/config.mirror',
} as const;

/** Far above any real pod. */
const maxBytes = 1024 * 1024;
const maxAliases = 100;

/** A file's mode as people write it: Go's YAML still reads 0644 as YAML 1.1 did. */
const octal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^0[0-7]+$/,
  resolve: (digits) => Number.parseInt(digits, 8),
};

const named = z.looseObject({name: z.string().check(z.minLength(1))});
const manifest = z.looseObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Pod'),
  metadata: z.looseObject({
    name: z.string().check(z.regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/)),
    namespace: z._default(z.string(), 'default'),
    uid: z.optional(z.string()),
    annotations: z._default(z.record(z.string(), z.string()), {}),
  }),
  spec: z.looseObject({
    containers: z.array(named).check(z.minLength(1)),
    initContainers: z.optional(z.array(named)),
  }),
});

/**
 * A pod from a file of staticPodPath, named and marked as the kubelet does (pkg/kubelet/config/common.go).
 * @throws with a reason for what is no pod, or refers to objects of the API, which a static pod must not
 */
export function parseStaticPod(text: string, path: string, nodeName: string, seenAt: string): Pod {
  const raw = checked(documentOf(text, path), path);
  return identified(raw, {path, nodeName, seenAt, source: 'file'});
}

const list = z.looseObject({kind: z.enum(['PodList', 'List']), items: z.array(z.unknown())});

/**
 * The pods that staticPodURL answers with: one, or a list.
 * @throws as parseStaticPod, for the first that is none
 */
export function parseStaticPods(text: string, url: string, nodeName: string, seenAt: string): Pod[] {
  const document = documentOf(text, url);
  const parsed = list.safeParse(document);
  const items = parsed.success ? parsed.data.items.map(asPod) : [document];
  return items.map((item) => identified(checked(item, url), {path: url, nodeName, seenAt, source: 'http'}));
}

/** Items of a list say neither kind nor version. */
function asPod(item: unknown): unknown {
  return typeof item === 'object' && item !== null ? {apiVersion: 'v1', kind: 'Pod', ...item} : item;
}

function documentOf(text: string, path: string): unknown {
  if (text.length > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`);
  const document = parseDocument(text, {customTags: (tags) => [octal, ...tags]});
  const [problem] = document.errors;
  if (problem !== undefined) throw new Error(`${path}: ${problem.message}`);
  return document.toJS({maxAliasCount: maxAliases});
}

function checked(document: unknown, path: string): Pod {
  const parsed = manifest.safeParse(conformed(document, path));
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`${path}: ${issues.join('; ')}`);
  }
  const raw: unknown = parsed.data;
  if (!isPod(raw)) throw new Error(`${path} is not a Pod`);
  const reference = apiReference(raw);
  if (reference !== undefined) throw new Error(`${path}: static pods may not reference ${reference}`);
  return raw;
}

/** As Kubernetes' decoder reads it: nulls and unknown fields are absent, a number may be a quantity, never a text. */
function conformed(document: unknown, path: string): unknown {
  if (!isObject(document)) return document;
  try {
    return conform('', 'Pod', document).object;
  } catch (error) {
    throw new Error(`${path}: ${describeError(error)}`, {cause: error});
  }
}

/** The schema above has looked at what is read here; the rest is judged where it is used. */
function isPod(value: unknown): value is Pod {
  return manifest.safeParse(value).success;
}

type Origin = {
  readonly path: string;
  readonly nodeName: string;
  readonly seenAt: string;
  readonly source: 'file' | 'http';
};

/** The hash is of what the pod is, not of how that is written: a comment restarts nothing (config/common.go, applyDefaults). */
function identified(pod: Pod, {path, nodeName, seenAt, source: from}: Origin): Pod {
  const text = JSON.stringify(pod, inOrder);
  const hash = createHash('sha256').update(`${nodeName}\0${path}\0${text}`).digest('hex').slice(0, 32);
  const {source, hash: hashKey, seen} = staticAnnotations;
  const {metadata, spec} = pod;
  defaultPod(pod);
  validate(pod, path);
  return {
    ...pod,
    metadata: {
      ...metadata,
      name: `${metadata.name}-${nodeName}`,
      uid: metadata.uid || hash,
      resourceVersion: '',
      annotations: {...metadata.annotations, [source]: from, [hashKey]: hash, [seen]: seenAt},
    },
    spec: {...spec, nodeName, tolerations: tolerationsOf(spec, from)},
  };
}

/** @throws what the API would answer (ValidatePodCreate): no mirror could tell of such a pod */
function validate({spec}: Pod, path: string): void {
  const problems = new Problems();
  checkPodSpec(problems, spec);
  if (problems.empty) return;
  const words = problems.all.map(({field, message}) => `${field}: ${message}`);
  throw new Error(`${path}: invalid pod: ${words.join(', ')}`);
}

/** Nothing evicts by a taint what stands in a file. */
function tolerationsOf({tolerations = []}: Pod['spec'], from: Origin['source']): typeof tolerations {
  return from === 'file' ? [...tolerations, {operator: 'Exists', effect: 'NoExecute'}] : tolerations;
}

function inOrder(_key: string, value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

type Volume = NonNullable<Pod['spec']['volumes']>[number];
type Source = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

/** Kinds of the API whose objects a pod would need, in Kubernetes' words (pkg/api/pod, HasAPIObjectReference). */
function apiReference({spec}: Pod): string | undefined {
  if (spec.serviceAccountName) return 'serviceaccounts';
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const env = containers.flatMap((container) => container.env ?? []);
  const envFrom = containers.flatMap((container) => container.envFrom ?? []);
  if (
    spec.imagePullSecrets?.some(({name}) => name) ||
    env.some(({valueFrom}) => valueFrom?.secretKeyRef) ||
    envFrom.some(({secretRef}) => secretRef)
  )
    return 'secrets';
  if (env.some(({valueFrom}) => valueFrom?.configMapKeyRef) || envFrom.some(({configMapRef}) => configMapRef))
    return 'configmaps';
  if (spec.resourceClaims?.length) return 'resourceclaims';
  for (const volume of spec.volumes ?? []) {
    const reference = volumeReference(volume);
    if (reference !== undefined) return reference;
  }
  return undefined;
}

function volumeReference(volume: Volume): string | undefined {
  if (volume.configMap) return 'configmaps (via configmap volumes)';
  if (volume.secret) return 'secrets (via secret volumes)';
  if (volume.csi) return 'csidrivers (via CSI volumes)';
  if (volume.glusterfs) return 'endpoints (via glusterFS volumes)';
  if (volume.persistentVolumeClaim) return 'persistentvolumeclaims';
  if (volume.ephemeral) return 'persistentvolumeclaims (via ephemeral volumes)';
  if (volume.azureFile) return 'secrets (via azureFile volumes)';
  const sources: unknown[] = Object.values(volume);
  if (sources.some((source) => isObject(source) && source.secretRef !== undefined)) return 'secrets';
  return volume.projected?.sources?.map(sourceReference).find((reference) => reference !== undefined);
}

function sourceReference(source: Source): string | undefined {
  if (source.configMap) return 'configmaps (via projected volumes)';
  if (source.secret) return 'secrets (via projected volumes)';
  if (source.serviceAccountToken) return 'serviceaccounts (via projected volumes)';
  if (source.clusterTrustBundle) return 'clustertrustbundles';
  return source.podCertificate ? 'podcertificates' : undefined;
}
