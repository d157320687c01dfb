import type {KubeletConfig} from '../config/kubelet.ts';
import type {KubeClient} from '../edges/kube/client.ts';
import type {EventRecorder} from '../edges/kube/events.ts';
import type {Node} from '../lib/kubernetes.ts';
import type {Logger} from '../lib/log.ts';
import type {Clock} from '../lib/time.ts';
import {startPluginManager} from './plugins/manager.ts';
import type {PluginHandler, PluginHandlers} from './plugins/types.ts';
import type {Telemetry} from './stats/metrics/telemetry.ts';
import {startCsi} from './volumes/csi/start.ts';
import {startLocalGrowth} from './volumes/growth/local-growth.ts';
import type {VolumePlugin} from './volumes/types.ts';

export type NodePluginsOptions = {
  readonly config: KubeletConfig;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: EventRecorder;
  /** Our Node as last known. */
  readonly node: () => Node | undefined;
  /** The Node's status has to be written. */
  readonly onStatus: () => void;
  /** What the pod waited for may be there. */
  readonly retry: (uid: string) => void;
  readonly devicePlugins: PluginHandler;
  readonly draPlugins: PluginHandler;
  readonly telemetry?: Telemetry;
};

/** What plugins of this node add to it. */
export type NodePlugins = {
  readonly volumePlugins: readonly VolumePlugin[];
  volumesInUse(): readonly string[];
  /** Why the node must not be Ready yet. */
  problems(): readonly string[];
  nodeChanged(node: Node | undefined): void;
  stop(): Promise<void>;
};

/** Takes plugins into use that announce themselves in `<root>/plugins_registry`. */
export async function startNodePlugins(options: NodePluginsOptions): Promise<NodePlugins> {
  const {config, clock, log} = options;
  const csi = await startCsi({...options, nodeName: config.nodeName});
  const local = startLocalGrowth({...options, nodeName: config.nodeName, everyMs: config.syncFrequency});
  const handlers: PluginHandlers = new Map<string, PluginHandler>([
    ['CSIPlugin', csi.handler],
    ['DevicePlugin', options.devicePlugins],
    ['DRAPlugin', options.draPlugins],
  ]);
  const directory = `${config.rootDir}/plugins_registry`;
  const manager = startPluginManager({directory, handlers, clock, log});
  options.telemetry?.plugins.follow(() => manager.sockets());
  void manager.settled.then(() => csi.settled());
  return {
    volumePlugins: [csi.plugin, local.plugin],
    volumesInUse: () => csi.volumesInUse(),
    problems: () => csi.problems(),
    nodeChanged: (node) => csi.nodeChanged(node),
    async stop() {
      await Promise.all([manager.stop(), csi.stop(), local.stop()]);
    },
  };
}
