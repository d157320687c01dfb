import {describeError} from '../../lib/errors.ts';
import type {JoinInput} from '../join.ts';
import {fieldFlags, fieldOverrides, idleBooleans, idleFlags} from '../kubelet/field-flags.ts';
import {flagOverrides} from '../kubelet/flags.ts';

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
const texts = ['register-with-taints', 'feature-gates'];
/** Flags that no field of the configuration says: the kubelet is started with them. */
const passed: Readonly<Record<string, RegExp>> = {
  'cloud-provider': /^(external)?$/,
  'runtime-cgroups': /^\/[^\s"'\\$]+$/,
  'image-credential-provider-config': /^\/[^\s"'\\$]+$/,
  'image-credential-provider-bin-dir': /^\/[^\s"'\\$]+$/,
};
/** Removed or ignored by the kubelet itself. */
const ignored = [...idleFlags, ...idleBooleans, 'container-runtime'];

type FromArgs = Pick<
  JoinInput,
  'nodeName' | 'nodeIp' | 'labels' | 'criSocket' | 'kubeletConfiguration' | 'kubeletArguments'
>;

/** Maps: the kubelet adds what a flag says to what the same flag has said before (component-base/cli/flag). */
const added = [
  ...['node-labels', 'feature-gates', 'system-reserved', 'kube-reserved', 'qos-reserved'],
  ...['eviction-hard', 'eviction-soft', 'eviction-soft-grace-period', 'eviction-minimum-reclaim'],
  ...['cpu-manager-policy-options', 'topology-manager-policy-options'],
];

/** The last of a name counts, except for maps. */
function valuesOf(args: readonly KubeletArg[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const {name: given, value} of args) {
    const name = given.replace(/^-+/, '');
    const known = added.includes(name) ? values.get(name) : undefined;
    values.set(name, known === undefined || known === '' ? value : `${known},${value}`);
  }
  return values;
}

/** kubeletExtraArgs as what they mean; `problems` names those that cannot be honoured. */
export function kubeletArgs(args: readonly KubeletArg[]): {given: FromArgs; problems: readonly string[]} {
  const values = valuesOf(args);
  const problems = [...values].flatMap(([name, value]) => problemOf(name, value) ?? []);
  if (problems.length > 0) return {given: {}, problems};
  const fields = Object.fromEntries([...values].filter(([name]) => isField(name)));
  const [labels, verbosity] = [values.get('node-labels'), values.get('v')];
  const given: FromArgs = {
    nodeName: values.get('hostname-override'),
    nodeIp: values.get('node-ip'),
    criSocket: values.get('container-runtime-endpoint'),
    labels: labels?.split(',').filter((label) => label !== ''),
    kubeletArguments: [...values]
      .filter(([name, value]) => Object.hasOwn(passed, name) && value !== '')
      .map(([name, value]) => `--${name}=${value}`),
    kubeletConfiguration: {
      ...flagOverrides({
        fields,
        registerWithTaints: values.get('register-with-taints'),
        featureGates: values.get('feature-gates'),
      }),
      ...(verbosity === undefined ? {} : {logging: {verbosity: Number(verbosity)}}),
    },
  };
  return {given, problems};
}

const special = ['node-labels', 'v', 'hostname-override', 'node-ip', 'container-runtime-endpoint'];

/** The runtime's socket is the join's own input. */
function isField(name: string): boolean {
  return Object.hasOwn(fieldFlags, name) && !special.includes(name);
}

function problemOf(name: string, value: string): string | undefined {
  if (ours.includes(name)) return `--${name}: nodectl decides it by its layout (--root moves it)`;
  if (name === 'v' && !/^\d+$/.test(value)) return `--${name}: ${value} is not a number`;
  if (isField(name)) return fieldProblem(name, value);
  const form = passed[name];
  if (form !== undefined) return form.test(value) ? undefined : `--${name}: ${value} cannot be given to it`;
  if ([...texts, ...special, ...ignored].includes(name)) return undefined;
  return `--${name}: this kubelet has no such flag; a field of a KubeletConfiguration may say the same`;
}

function fieldProblem(name: string, value: string): string | undefined {
  try {
    fieldOverrides({[name]: value});
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}
