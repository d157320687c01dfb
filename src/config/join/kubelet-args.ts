import type {JoinInput} from '../join.ts';
import {flagOverrides, type KubeletFlags} from '../kubelet/flags.ts';

export type KubeletArg = {readonly name: string; readonly value: string};

/** What nodectl's layout decides: two nodes of a machine would meet in one place otherwise. */
const ours = [
  'config',
  'config-dir',
  'kubeconfig',
  'bootstrap-kubeconfig',
  'root-dir',
  'cert-dir',
  'container-log-dir',
];
const numbers = ['port', 'healthz-port', 'max-pods'];
const booleans = ['fail-swap-on', 'fail-cgroupv1', 'seccomp-default'];
const texts = [
  'register-with-taints',
  'image-service-endpoint',
  'feature-gates',
  'cgroup-root',
  'cgroup-driver',
  'pod-logs-dir',
  'resolv-conf',
  'cluster-dns',
  'cluster-domain',
  'address',
  'healthz-bind-address',
  'pod-manifest-path',
  'provider-id',
  'client-ca-file',
];
/** Removed or ignored by the kubelet itself. */
const ignored = ['pod-infra-container-image', 'container-runtime'];

type FromArgs = Pick<JoinInput, 'nodeName' | 'nodeIp' | 'labels' | 'criSocket' | 'kubeletConfiguration'>;

/** kubeletExtraArgs as what they mean; `problems` names those that cannot be honoured. The last of a name counts. */
export function kubeletArgs(args: readonly KubeletArg[]): {given: FromArgs; problems: readonly string[]} {
  const values = new Map(args.map(({name, value}) => [name.replace(/^-+/, ''), value]));
  const problems = [...values].flatMap(([name, value]) => problemOf(name, value) ?? []);
  if (problems.length > 0) return {given: {}, problems};
  const flags = Object.fromEntries([...values].flatMap(([name, value]) => flagOf(name, value)));
  const [labels, verbosity] = [values.get('node-labels'), values.get('v')];
  const given: FromArgs = {
    nodeName: values.get('hostname-override'),
    nodeIp: values.get('node-ip'),
    criSocket: values.get('container-runtime-endpoint'),
    labels: labels?.split(',').filter((label) => label !== ''),
    kubeletConfiguration: {
      ...flagOverrides(flags),
      ...(verbosity === undefined ? {} : {logging: {verbosity: Number(verbosity)}}),
    },
  };
  return {given, problems};
}

const special = ['node-labels', 'v', 'hostname-override', 'node-ip', 'container-runtime-endpoint'];

function problemOf(name: string, value: string): string | undefined {
  if (ours.includes(name)) return `--${name}: nodectl decides it by its layout (--root moves it)`;
  if ((numbers.includes(name) || name === 'v') && !/^\d+$/.test(value))
    return `--${name}: ${value} is not a number`;
  if (booleans.includes(name) && !/^(true|false)$/.test(value))
    return `--${name}: ${value} is not true or false`;
  if ([...numbers, ...booleans, ...texts, ...special, ...ignored].includes(name)) return undefined;
  return `--${name}: this kubelet has no such flag; a field of a KubeletConfiguration may say the same`;
}

function flagOf(name: string, value: string): [keyof KubeletFlags | string, string | number | boolean][] {
  const key = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  if (numbers.includes(name)) return [[key, Number(value)]];
  if (booleans.includes(name)) return [[key, value === 'true']];
  return texts.includes(name) ? [[key, value]] : [];
}
