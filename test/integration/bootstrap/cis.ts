import {parse} from 'yaml';
import type {Machine} from '../support/machine.ts';
import type {Probed} from './kubelet-routes.ts';

/** What a joined node shows of itself: its files, its command lines, and what the kubelet says it runs with. */
export type Seen = {
  /** `mode owner` of each file that there is. */
  readonly files: Readonly<Record<string, string>>;
  readonly kubeletArgv: readonly string[];
  /** /var/lib/kubelet/config.yaml: a check that finds nothing there fails, whatever the default is. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly configz: Readonly<Record<string, unknown>>;
  readonly proxyConfig: Readonly<Record<string, unknown>>;
};

const files = {
  service: '/var/lib/nodectl/supervisor/units/nodectl-kubelet.json',
  kubeconfig: '/etc/kubernetes/kubelet.conf',
  proxyKubeconfig: '/var/lib/nodectl/proxy/kubeconfig',
  clientCa: '/etc/kubernetes/pki/ca.crt',
  config: '/var/lib/kubelet/config.yaml',
};

export async function look(machine: Machine, {configz}: Probed): Promise<Seen> {
  const stat = await machine.run('stat', ['-c', '%n %a %U:%G', ...Object.values(files)], {okCodes: [0, 1]});
  const found = stat.stdout
    .trim()
    .split('\n')
    .map((line) => [line.split(' ')[0] ?? '', line.split(' ').slice(1).join(' ')]);
  const pid = (await machine.run('pgrep', ['-x', 'kubelet'])).stdout.trim();
  const read = async (path: string) => (await machine.run('cat', [path])).stdout;
  return {
    files: Object.fromEntries(found),
    kubeletArgv: (await read(`/proc/${pid}/cmdline`)).split('\0'),
    config: parse(await read(files.config)),
    configz: configz.kubeletconfig,
    proxyConfig: parse(await readIfThere(machine, '/var/lib/nodectl/proxy/config.yaml')) ?? {},
  };
}

/** A node that was given no credentials for a proxy has none. */
async function readIfThere(machine: Machine, path: string): Promise<string> {
  return (await machine.run('cat', [path], {okCodes: [0, 1]})).stdout;
}

const safeSuites =
  /^TLS_ECDHE_(ECDSA|RSA)_WITH_(AES_128_GCM_SHA256|AES_256_GCM_SHA384|CHACHA20_POLY1305(_SHA256)?)$/;

/** kube-bench's worker checks (cis-1.12), by their numbers. */
export function judge(seen: Seen): Record<string, boolean> {
  const mode = (path: string, most: number) => {
    const text = seen.files[path]?.split(' ')[0];
    return text === undefined || (Number.parseInt(text, 8) & ~most) === 0;
  };
  const isRoots = (path: string) => [undefined, 'root:root'].includes(seen.files[path]?.split(' ')[1]);
  const must = (path: string, holds: boolean) => seen.files[path] !== undefined && holds;
  /** In the file, and as it runs. */
  const both = (path: string, is: (value: unknown) => boolean) =>
    [seen.config, seen.configz].every((config) => is(at(config, path)));
  return {
    '4.1.1': must(files.service, mode(files.service, 0o600)),
    '4.1.2': must(files.service, isRoots(files.service)),
    '4.1.3': mode(files.proxyKubeconfig, 0o600),
    '4.1.4': isRoots(files.proxyKubeconfig),
    '4.1.5': must(files.kubeconfig, mode(files.kubeconfig, 0o600)),
    '4.1.6': must(files.kubeconfig, isRoots(files.kubeconfig)),
    '4.1.7': must(files.clientCa, mode(files.clientCa, 0o644)),
    '4.1.8': must(files.clientCa, isRoots(files.clientCa)),
    '4.1.9': must(files.config, mode(files.config, 0o600)),
    '4.1.10': must(files.config, isRoots(files.config)),
    '4.2.1': both('authentication.anonymous.enabled', (value) => value === false),
    '4.2.2': both('authorization.mode', (value) => value === 'Webhook'),
    '4.2.3': both('authentication.x509.clientCAFile', (value) => value === files.clientCa),
    '4.2.4': both('readOnlyPort', (value) => value === 0),
    '4.2.5': both('streamingConnectionIdleTimeout', (value) => value === '4h0m0s'),
    '4.2.6': both('makeIPTablesUtilChains', (value) => value === true),
    '4.2.7': !seen.kubeletArgv.some((word) => word.startsWith('--hostname-override')),
    '4.2.8': both('eventRecordQPS', (value) => typeof value === 'number' && value >= 0),
    '4.2.9': both('tlsCertFile', isPath) && both('tlsPrivateKeyFile', isPath),
    '4.2.10': both('rotateCertificates', (value) => value === true),
    '4.2.11': both('featureGates.RotateKubeletServerCertificate', (value) => value !== false),
    '4.2.12': both(
      'tlsCipherSuites',
      (value) => Array.isArray(value) && value.length > 0 && value.every((name) => safeSuites.test(name)),
    ),
    '4.2.13': both('podPidsLimit', (value) => typeof value === 'number'),
    '4.2.14': both('seccompDefault', (value) => typeof value === 'boolean'),
    '4.3.1': [undefined, '', '127.0.0.1:10249'].includes(String(seen.proxyConfig.metricsBindAddress ?? '')),
  };
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('/');
}

function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (inner, name) =>
        typeof inner === 'object' && inner !== null
          ? Object.entries(inner).find(([key]) => key === name)?.[1]
          : undefined,
      value,
    );
}
