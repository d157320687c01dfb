import type {KubeletConfig} from '../../config/kubelet.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import type {EventRecorder} from '../../edges/kube/events.ts';
import type {Node, Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {ObjectSource} from '../api/objects.ts';
import {tellPod} from '../pod/apply/tell.ts';
import type {VolumeOperationDone} from '../stats/metrics/pods/volume-metrics.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import {apiClaims} from './claims.ts';
import {createTokenSource} from './kinds/tokens.ts';
import {lazyTrustBundles, showsTrust} from './kinds/trust-bundles.ts';
import {type CanMountRecursively, type KeptVolumes, keepVolumes} from './pod-volumes.ts';
import type {VolumePlugin} from './types.ts';

export type PodVolumesOptions = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: KubeletConfig;
  readonly recorder: EventRecorder;
  readonly node: () => Node | undefined;
  readonly allocatable: () => Readonly<Record<string, string>>;
  readonly volumePlugins?: readonly VolumePlugin[];
  readonly telemetry?: Pick<Telemetry, 'volumes'>;
};

/** The volumes of this node's pods, with claims, tokens and objects of the API. */
export function startPodVolumes(
  options: PodVolumesOptions,
  objects: ObjectSource,
  canMountRecursively: CanMountRecursively,
): KeptVolumes {
  const {client, clock, log, config, recorder, telemetry} = options;
  const trust = lazyTrustBundles({client, clock, log, onChange: () => kept.refreshWhere(showsTrust)});
  const context = {
    trust,
    rootDir: config.rootDir,
    objects,
    claims: apiClaims(client),
    tokens: createTokenSource({client, clock, log}),
    nodeAllocatable: options.allocatable,
    node: options.node,
    plugins: options.volumePlugins ?? [],
    log,
    clock,
    measured: (done: VolumeOperationDone) => telemetry?.volumes.operation(done),
    usageRead: (source: string, seconds: number) => telemetry?.volumes.usageRead(source, seconds),
    tell: (pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string) =>
      tellPod(recorder, pod, undefined, type, reason, message),
  };
  const kept: KeptVolumes = keepVolumes(context, clock, log, canMountRecursively);
  telemetry?.volumes.countBy(() => kept.countByPlugin());
  return kept;
}

/** What the downward API says of a pod has changed: labels, annotations, resources. */
export function tellsAnother(pod: Pod, old: Pod): boolean {
  const words = ({metadata: {labels, annotations}, spec: {initContainers = [], containers}}: Pod) =>
    JSON.stringify([labels, annotations, ...[...initContainers, ...containers].map((one) => one.resources)]);
  return words(pod) !== words(old);
}
