import {isAlreadyExists} from '../../../edges/kube/errors.ts';
import type {Queue} from '../../../lib/control/queue.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import {persistentVolumeClaims, persistentVolumes, pods} from '../../../lib/resources.ts';
import {type Context, runController} from '../controller.ts';
import {controllerRef, keyOf} from '../owners.ts';
import {
  decideEphemeral,
  decideStorage,
  type EphemeralAct,
  type EphemeralSeen,
  type StorageAct,
  type StorageSeen,
} from './decide.ts';

const onlyKey = 'storage';

/** Claims and volumes: all of them together, for what one takes another cannot have. */
export function startStorage(context: Context): Queue {
  const {caches} = context;
  const queue = runController<StorageSeen, StorageAct>(context, {
    name: 'storage',
    concurrency: 1,
    observe: () => ({
      claims: [...caches.persistentVolumeClaims.values()],
      volumes: [...caches.persistentVolumes.values()],
    }),
    decide: decideStorage,
    apply: async (act) => await apply(context, act),
  });
  caches.persistentVolumes.listen(() => queue.enqueue(onlyKey));
  caches.persistentVolumeClaims.listen(() => queue.enqueue(onlyKey));
  return queue;
}

async function apply(context: Context, act: StorageAct): Promise<void> {
  const {client} = context;
  switch (act.type) {
    case 'bind':
      return bind(context, act);
    case 'claimPhase': {
      const {namespace, name} = act.claim.metadata;
      const body = {status: {phase: act.phase}};
      await client.patch(
        persistentVolumeClaims,
        {namespace, name, subresource: 'status'},
        {type: 'merge', body},
      );
      return;
    }
    case 'volumePhase': {
      const {name} = act.volume.metadata;
      const body = {status: {phase: act.phase}};
      await client.patch(persistentVolumes, {name, subresource: 'status'}, {type: 'merge', body});
      return;
    }
    default:
      return act satisfies never;
  }
}

/** The volume first: a claim that says Bound can be relied on. */
async function bind({client}: Context, {claim, volume}: StorageAct & {type: 'bind'}): Promise<void> {
  const {namespace, name, uid} = claim.metadata;
  const claimRef = {apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid};
  const at = {name: volume.metadata.name};
  await client.patch(persistentVolumes, at, {type: 'merge', body: {spec: {claimRef}}});
  const taken = {status: {phase: 'Bound'}};
  await client.patch(persistentVolumes, {...at, subresource: 'status'}, {type: 'merge', body: taken});
  const annotations = {'pv.kubernetes.io/bind-completed': 'yes'};
  const body = {metadata: {uid, annotations}, spec: {volumeName: volume.metadata.name}};
  await client.patch(persistentVolumeClaims, {namespace, name}, {type: 'merge', body});
  const {accessModes, capacity} = volume.spec;
  const status = {phase: 'Bound', accessModes, capacity};
  const key = {namespace, name, subresource: 'status'};
  await client.patch(persistentVolumeClaims, key, {type: 'merge', body: {status}});
}

/** kube-controller-manager's ephemeral volume controller: a claim of its own for each, which goes with the pod. */
export function startEphemeralVolumes(context: Context): Queue {
  const {caches} = context;
  const queue = runController<EphemeralSeen, EphemeralAct>(context, {
    name: 'ephemeral-volumes',
    observe: (key) => {
      const pod = caches.pods.get(key);
      if (pod === undefined) return undefined;
      return {pod, claims: new Set([...caches.persistentVolumeClaims.values()].map(keyOf))};
    },
    decide: decideEphemeral,
    apply: async (act) => await createClaim(context, act),
  });
  caches.pods.listen((now) => {
    if (now !== undefined && hasEphemeral(now)) queue.enqueue(keyOf(now));
  });
  return queue;
}

function hasEphemeral({spec}: Pod): boolean {
  return (spec.volumes ?? []).some(({ephemeral}) => ephemeral !== undefined);
}

async function createClaim({client}: Context, {pod, volume}: EphemeralAct): Promise<void> {
  const {namespace, name} = pod.metadata;
  const template = pod.spec.volumes?.find((one) => one.name === volume)?.ephemeral?.volumeClaimTemplate;
  const {labels, annotations} = template?.metadata ?? {};
  const metadata = {
    name: `${name}-${volume}`,
    namespace,
    ...(labels === undefined ? {} : {labels}),
    ...(annotations === undefined ? {} : {annotations}),
    ownerReferences: [controllerRef(pods, pod)],
  };
  try {
    await client.create(persistentVolumeClaims, {metadata, spec: template?.spec ?? {}});
  } catch (error) {
    // The cache was older than the server, or the name is somebody else's: the kubelet says so.
    if (!isAlreadyExists(error)) throw error;
  }
}
