import {NodectlError} from '../../lib/errors.ts';
import {hostLayout, type Layout, layoutBelow} from '../layout.ts';

export type NodePorts = {
  readonly kubelet: number;
  readonly kubeletHealthz: number;
  readonly proxyHealthz: number;
  readonly proxyMetrics: number;
};

export const defaultPorts: NodePorts = {
  kubelet: 10250,
  kubeletHealthz: 10248,
  proxyHealthz: 10256,
  proxyMetrics: 10249,
};

type PlaceInput = {
  readonly root?: string;
  readonly criSocket?: string;
  readonly caCertPath?: string;
  readonly kubeletConfiguration?: Readonly<Record<string, unknown>>;
};

function absolute(path: string, flag: string): string {
  if (path.startsWith('/') && path.length > 1) return path.replace(/\/+$/, '');
  throw new NodectlError('ND904', `${flag} ${path} is not an absolute path`);
}

/** /var/run is /run everywhere; kubeadm's default names the former. */
function socket(endpoint: string): string {
  const path = endpoint.replace(/^unix:\/\//, '').replace(/^\/var\/run\//, '/run/');
  if (path.startsWith('/')) return path;
  throw new NodectlError('ND904', `--cri-socket ${endpoint} is not a unix socket`);
}

/** Where the node keeps its things. */
export function nodeLayout({root, criSocket, caCertPath, kubeletConfiguration = {}}: PlaceInput): Layout {
  const layout = root === undefined ? hostLayout : layoutBelow(absolute(root, '--root'));
  const endpoint = criSocket ?? text(kubeletConfiguration.containerRuntimeEndpoint);
  const podLogDir = text(kubeletConfiguration.podLogsDir);
  const caFile = caCertPath === '/etc/kubernetes/pki/ca.crt' ? undefined : caCertPath;
  if (caFile !== undefined && !caFile.endsWith('.crt'))
    throw new NodectlError('ND904', `caCertPath ${caFile} is not the path of a .crt file`);
  return {
    ...layout,
    ...(endpoint === undefined ? {} : {containerdSocket: socket(endpoint)}),
    ...(podLogDir === undefined ? {} : {podLogDir}),
    ...(caFile === undefined ? {} : {caFile: absolute(caFile, 'caCertPath')}),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Ports that configuration documents give: the join asks there whether the daemons are healthy. */
export function configuredPorts(
  kubelet: Readonly<Record<string, unknown>>,
  proxy: Readonly<Record<string, unknown>>,
): Partial<NodePorts> {
  if (kubelet.healthzPort === 0)
    throw new NodectlError('ND701', 'healthzPort: 0: the join could not see whether the kubelet is healthy');
  const port = (name: keyof NodePorts, value: unknown): Partial<NodePorts> =>
    typeof value === 'number' && value > 0 ? {[name]: value} : {};
  const last = (address: unknown): number => Number(/:(\d+)$/.exec(text(address) ?? '')?.[1] ?? 0);
  return {
    ...port('kubelet', kubelet.port),
    ...port('kubeletHealthz', kubelet.healthzPort),
    ...port('proxyHealthz', last(proxy.healthzBindAddress)),
    ...port('proxyMetrics', last(proxy.metricsBindAddress)),
  };
}
