import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cri} from '../../edges/cri/client.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import type {EventRecorder} from '../../edges/kube/events.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {ObjectSource} from '../api/objects.ts';
import {tellPod} from '../pod/apply/tell.ts';
import {containerOfEvent} from '../pod/config/image-volumes.ts';
import type {AccessCheck} from '../stats/metrics/pods/image-metrics.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import {podLogins} from './credentials/logins.ts';
import {nodeLogins} from './credentials/node-logins.ts';
import {openProviders, type Providers} from './credentials/providers.ts';
import {ImageManager} from './manager.ts';
import {createPullRate} from './pull-rate.ts';
import {createPuller} from './puller.ts';
import {PullRecords} from './records/pull-records.ts';
import {verificationPolicy} from './records/verification.ts';

export type ImageSourcesOptions = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly config: KubeletConfig;
  readonly log: Logger;
  readonly telemetry?: Telemetry;
};

/** What is read before the first image is asked for. */
export type ImageSources = {readonly records: PullRecords; readonly providers: Providers};

/** @throws NodectlError ND701 where the configuration of credential providers is wrong */
export async function openImageSources(
  options: ImageSourcesOptions & Pick<PodImagesOptions, 'cri'>,
): Promise<ImageSources> {
  const {config, cri} = options;
  const dir = `${config.rootDir}/image_manager`;
  const onChecked = (result: AccessCheck) => options.telemetry?.images.checked(result);
  const records = new PullRecords({...options, dir, policy: verificationPolicy(config), onChecked});
  await records.open();
  await records.recover(async () => {
    const {images} = await cri.images.listImages({}, {timeoutMs: config.runtimeRequestTimeout});
    return images.map(({id, repoTags, repoDigests}) => ({id, names: [...repoTags, ...repoDigests]}));
  });
  options.telemetry?.images.follow(() => records.counts());
  const providers = await openProviders({
    ...options,
    configPath: config.imageCredentialProviderConfig,
    binDir: config.imageCredentialProviderBinDir,
    onConfig: (hash) => options.telemetry?.plugins.credentialProviders(hash),
    onRun: (...told) => options.telemetry?.plugins.credentialProvider(...told),
  });
  return {records, providers};
}

export type PodImagesOptions = ImageSourcesOptions & {
  readonly cri: Cri;
  readonly recorder: EventRecorder;
  readonly objects: ObjectSource;
  readonly onChange: (uid: string) => void;
};

/** Kubernetes pulls one image after the other by default; here a stuck registry must not hold back all others. */
const defaultParallelPulls = 5;
/** Where nobody has said how many there may be, a pull that takes so long makes room for another. */
const patienceMs = 60_000;

/** The images of this node's pods, with the logins of their secrets, of the node, and of credential providers. */
export function startPodImages(options: PodImagesOptions, {records, providers}: ImageSources): ImageManager {
  const {cri, clock, config, recorder, telemetry, objects} = options;
  const unlimited = config.serializeImagePulls ? defaultParallelPulls : Number.POSITIVE_INFINITY;
  const sources = {
    objects,
    ofNode: () => nodeLogins(config.rootDir, process.env.HOME ?? '/root'),
    ofProviders: providers.logins,
    onMissing: (pod: Pod, names: readonly string[]) =>
      tellPod(recorder, pod, undefined, 'Warning', 'FailedToRetrieveImagePullSecret', missingSecrets(names)),
  };
  return new ImageManager({
    ...options,
    puller: createPuller({
      cri,
      clock,
      parallel: config.maxParallelImagePulls ?? unlimited,
      turn: createPullRate(clock, config),
      ...(config.maxParallelImagePulls === undefined ? {patienceMs} : {}),
      timeoutMs: config.runtimeRequestTimeout,
    }),
    records,
    logins: (pod, repository, signal) => podLogins(sources, pod, repository, signal),
    forgetLogins: providers.forget,
    ...(telemetry === undefined ? {} : {metrics: telemetry.images}),
    tell: (pod, container, ...told) => {
      telemetry?.imageEvent(pod.metadata.uid, told[1], clock.now());
      tellPod(recorder, pod, containerOfEvent(container), ...told);
    },
  });
}

function missingSecrets(names: readonly string[]): string {
  return `Unable to retrieve some image pull secrets (${names.join(', ')}); attempting to pull the image may not succeed.`;
}
