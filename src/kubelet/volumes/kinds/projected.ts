import type {ProjectedFile} from '../../../edges/files/pods/atomic-writer.ts';
import type {Pod, Volume} from '../../../lib/kubernetes.ts';
import {
  commonUser,
  configMapFiles,
  defaultFileMode,
  downwardFiles,
  type Files,
  secretFiles,
} from '../content.ts';
import type {VolumePlugin, VolumeRequest} from '../types.ts';
import {project} from './projection.ts';
import type {TrustWish} from './trust-bundles.ts';

type Source = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type Part = {readonly files: Files; readonly againInMs?: number};

/** An hour: what the API fills in when a pod does not say how long its token shall live. */
const defaultTokenSeconds = 3600;

export const projected: VolumePlugin = {
  field: 'projected',
  directory: 'kubernetes.io~projected',
  follows: true,
  async prepare(request) {
    const files: Files = new Map();
    const problems: string[] = [];
    let againInMs = Number.POSITIVE_INFINITY;
    for (const source of request.volume.projected?.sources ?? [])
      try {
        const part = await partOf(source, request);
        for (const [path, file] of part.files) files.set(path, file);
        againInMs = Math.min(againInMs, part.againInMs ?? againInMs);
      } catch (error) {
        request.signal?.throwIfAborted();
        problems.push(error instanceof Error ? error.message : String(error));
      }
    if (problems.length > 0)
      throw new Error(problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`);
    return project(request, files, 'memory', Number.isFinite(againInMs) ? againInMs : undefined);
  },
};

async function partOf(source: Source, request: VolumeRequest): Promise<Part> {
  const {pod, volume, context, signal} = request;
  const {uid, namespace} = pod.metadata;
  const mode = volume.projected?.defaultMode ?? defaultFileMode;
  if (source.configMap !== undefined) {
    const {name = '', items, optional = false} = source.configMap;
    const object = await context.objects.configMap(uid, namespace, name, signal);
    if (object === undefined && !optional) throw new Error(`configmap "${name}" not found`);
    return {files: configMapFiles(object, {items, mode, optional})};
  }
  if (source.secret !== undefined) {
    const {name = '', items, optional = false} = source.secret;
    const object = await context.objects.secret(uid, namespace, name, signal);
    if (object === undefined && !optional) throw new Error(`secret "${name}" not found`);
    return {files: secretFiles(object, {items, mode, optional})};
  }
  if (source.downwardAPI !== undefined)
    return {files: downwardFiles(pod, source.downwardAPI.items ?? [], mode, context.nodeAllocatable())};
  if (source.serviceAccountToken !== undefined) return tokenPart(source.serviceAccountToken, mode, request);
  if (source.clusterTrustBundle !== undefined) return trustPart(source.clusterTrustBundle, mode, request);
  // The API server drops what is off there, and leaves an empty source: it gives no files.
  const [unknown] = Object.keys(source);
  if (unknown === undefined) return {files: new Map()};
  throw new Error(`projected source ${unknown} is not supported on this node`);
}

type TokenProjection = NonNullable<Source['serviceAccountToken']>;

/** Only its user may read a token: fsGroup then opens it to the group (0600 becomes 0640). */
async function tokenPart(wish: TokenProjection, mode: number, request: VolumeRequest): Promise<Part> {
  const {pod, context, signal} = request;
  const {audience, expirationSeconds = defaultTokenSeconds, path} = wish;
  const asked = {expirationSeconds, ...(audience === undefined ? {} : {audience})};
  const {token, againInMs} = await context.tokens.token(pod, asked, signal);
  return {files: new Map([[path, ownFile(pod, token, mode)]]), againInMs};
}

async function trustPart(wish: TrustWish, mode: number, {pod, context}: VolumeRequest): Promise<Part> {
  if (context.trust === undefined)
    throw new Error('ClusterTrustBundle projection is not supported in static kubelet mode');
  return {files: new Map([[wish.path, ownFile(pod, await context.trust.anchors(wish), mode)]])};
}

function ownFile(pod: Pod, text: string, mode: number): ProjectedFile {
  const uid = commonUser(pod);
  const closed = uid !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
  return {data: Buffer.from(text), mode: closed ? 0o600 : mode, ...(uid === undefined ? {} : {uid})};
}
