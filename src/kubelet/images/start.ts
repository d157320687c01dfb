import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cri} from '../../edges/cri/client.ts';
import type {EventRecorder} from '../../edges/kube/events.ts';
import type {Clock} from '../../lib/time.ts';
import type {ObjectSource} from '../objects.ts';
import {containerOfEvent} from '../pod/image-volumes.ts';
import {tellPod} from '../pod/tell.ts';
import type {Telemetry} from '../stats/telemetry.ts';
import {ImageManager} from './manager.ts';
import {pullCredentials} from './pull-secrets.ts';
import {createPuller} from './puller.ts';

export type PodImagesOptions = {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly config: KubeletConfig;
  readonly recorder: EventRecorder;
  readonly telemetry?: Telemetry;
  readonly objects: ObjectSource;
  readonly onChange: (uid: string) => void;
};

const defaultParallelPulls = 5;

/** The images of this node's pods, with the logins of their secrets. */
export function startPodImages(options: PodImagesOptions): ImageManager {
  const {cri, clock, config, recorder, telemetry, objects, onChange} = options;
  const parallel = config.maxParallelImagePulls ?? defaultParallelPulls;
  return new ImageManager({
    puller: createPuller(cri, parallel, config.runtimeRequestTimeout),
    clock,
    credentials: (pod, repository, signal) => pullCredentials(objects, pod, repository, signal),
    tell: (pod, container, ...told) => {
      telemetry?.imageEvent(pod.metadata.uid, told[1], clock.now());
      tellPod(recorder, pod, containerOfEvent(container), ...told);
    },
    onChange,
  });
}
