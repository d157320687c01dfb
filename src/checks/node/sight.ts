import type {NodeOptions} from '../../config/join.ts';
import {type KubeletConfig, loadKubeletConfig} from '../../config/kubelet.ts';
import {kubeletPaths} from '../../config/kubelet-files.ts';
import {readText} from '../../edges/files/files.ts';
import {askHealth} from '../../edges/http/http-health.ts';
import {loadKubeconfig} from '../../edges/kube/connection.ts';
import {readHostFacts} from '../../edges/machine/host-facts.ts';
import {legacyRules, lookAtNft} from '../../edges/nftables/nft-sight.ts';
import {readCommits} from '../../edges/nftables/proxy-commits.ts';
import {lookAtRuntime} from '../../edges/runtime/runtime-sight.ts';
import {probeSandbox} from '../../edges/runtime/sandbox-probe.ts';
import {ping} from '../../edges/supervisor/client.ts';
import {SupervisorState} from '../../edges/supervisor/state.ts';
import type {ServiceManager} from '../../edges/systemd/services.ts';
import {askServer} from '../../edges/trust/discovery.ts';
import type {Service} from '../../lib/kubernetes.ts';
import {probeCgroupParent} from '../probe/cgroup.ts';
import {apiSight} from './api-sight.ts';
import type {Daemon, Sight, Told} from './context.ts';
import {lookAtDaemon} from './daemon-sight.ts';
import {once} from './sight-once.ts';

export type SightOptions = {
  readonly options: NodeOptions;
  /** Who runs each daemon, and under which name. */
  readonly daemons: Readonly<Record<Daemon, {readonly manager: ServiceManager; readonly name: string}>>;
  /** The words that start nodectl. */
  readonly program: readonly string[];
  readonly signal: AbortSignal;
};

export function openSight({options, daemons, program, signal}: SightOptions): Sight {
  const {layout, ports} = options;
  const paths = kubeletPaths(options);
  const kubeletConfig = once(() => readKubeletConfig([paths.config, paths.instanceConfig], options));
  const connection = once(() => loadKubeconfig(paths.kubeconfig));
  const looks = Object.fromEntries(
    Object.entries(daemons).map(([daemon, {manager, name}]) => [
      daemon,
      once(() => lookAtDaemon(manager, name, signal)),
    ]),
  );
  const health = (port: number, path = 'healthz') => askHealth(`http://127.0.0.1:${port}/${path}`, signal);
  const api = apiSight(connection, kubeletConfig, signal);
  return {
    probe: once(async () => {
      const config = await kubeletConfig();
      const kubernetes = await api.kubernetesService();
      return probeSandbox({
        socket: config.containerRuntimeEndpoint || layout.containerdSocket,
        cgroupParent: probeCgroupParent(config.cgroupDriver, config.cgroupRoot ?? '/'),
        program,
        dnsServer: config.clusterDNS?.[0] ?? '127.0.0.1',
        dnsName: `kubernetes.default.svc.${config.clusterDomain || 'cluster.local'}`,
        address: addressOf(kubernetes),
      });
    }),
    daemon(daemon) {
      const look = looks[daemon];
      return look === undefined ? Promise.reject(new Error(`no daemon ${daemon}`)) : look();
    },
    kubeletConfig,
    connection,
    runtime: once(async () => {
      const configured = await kubeletConfig().catch(() => undefined);
      return lookAtRuntime(configured?.containerRuntimeEndpoint || layout.containerdSocket, signal);
    }),
    kubeletHealth: once(async () => {
      const configured = await kubeletConfig().catch(() => undefined);
      return health(configured?.healthzPort ?? ports.kubeletHealthz);
    }),
    // Its /healthz is for load balancers, and also says no when the node is about to go.
    proxyHealth: once(() => health(ports.proxyHealthz, 'livez')),
    api: once(async () => {
      const {server, ca} = await connection();
      return askServer(server, '/readyz', {...(ca === undefined ? {} : {ca}), timeoutMs: 2300, signal});
    }),
    ...api,
    host: once(() => readHostFacts(layout.kubeletDir)),
    nft: once(() => lookAtNft(signal)),
    legacyRules: once(() => legacyRules(signal)),
    commits: once(() => readCommits(ports.proxyMetrics, signal)),
    containerdLog: once(() => daemons.containerd.manager.log(daemons.containerd.name, 200)),
    proxyLog: once(() => daemons.proxy.manager.log(daemons.proxy.name, 100)),
    supervised: once(async () => {
      const {manager} = daemons.proxy;
      return (
        manager.kind !== 'supervised' || ping(new SupervisorState(`${layout.stateDir}/supervisor`).socket)
      );
    }),
    kubeletLog: once(() => daemons.kubelet.manager.log(daemons.kubelet.name, 400)),
  };
}

/** Where pods find the API server: `10.96.0.1:443`. */
function addressOf(kubernetes: Told<Service>): string {
  const spec = kubernetes.kind === 'there' ? kubernetes.object.spec : undefined;
  return `${spec?.clusterIP ?? '127.0.0.1'}:${spec?.ports?.[0]?.port ?? 443}`;
}

async function readKubeletConfig(paths: readonly string[], options: NodeOptions): Promise<KubeletConfig> {
  const texts = await Promise.all(paths.map(readText));
  const sources = paths.flatMap((path, at) => {
    const text = texts[at];
    return text === undefined ? [] : [{path, text}];
  });
  return loadKubeletConfig(sources, {}, options.nodeName).config;
}
