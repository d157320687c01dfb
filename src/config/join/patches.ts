import {parseAllDocuments} from 'yaml';
import {describeError, NodectlError} from '../../lib/errors.ts';
import {isRecord} from '../document.ts';
import {jsonPatch} from './json-patch.ts';

/** A file of kubeadm's --patches directory. */
export type PatchFile = {readonly name: string; readonly text: string};

/** One patch of the kubelet's configuration. */
export type KubeletPatch = {
  readonly file: string;
  readonly type: (typeof types)[number];
  readonly patch: unknown;
};

/** Targets of kubeadm that a worker does not have (cmd/kubeadm/app/util/patches). */
const controlPlaneTargets = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'corednsdeployment',
];

const types = ['strategic', 'merge', 'json'] as const;

type Fields = Record<string, unknown>;

/**
 * kubeadm's patches of the KubeletConfiguration, in the order of their names: `target[suffix][+type].yaml`.
 * @throws NodectlError ND906 for a file that is none
 */
export function kubeletPatches(files: readonly PatchFile[]): readonly KubeletPatch[] {
  return files.toSorted((a, b) => (a.name < b.name ? -1 : 1)).flatMap(patchesOf);
}

/** Targets, a suffix and a type, as kubeadm reads them: what follows the first dot or the type does not count. */
const named = new RegExp(
  `^(kubeletconfiguration|${controlPlaneTargets.join('|')})[^.+\\n]*(?:(\\+)(strategic|merge|json)?)?.*\\.(?:json|yaml)$`,
);

/** None, for a file that is no patch or not for workers. kubeadm leaves those of other names; a slip is told here. */
function patchesOf({name, text}: PatchFile): KubeletPatch[] {
  const [, target, plus, given] = named.exec(name) ?? [];
  if (target === undefined && /^kubelet.*\.(json|yaml)$/i.test(name))
    throw invalid(name, 'is not a target of kubeadm: kubeletconfiguration is');
  if (plus !== undefined && given === undefined)
    throw invalid(name, 'has a type that is not strategic, merge or json');
  if (target !== 'kubeletconfiguration') return [];
  const type = types.find((one) => one === given) ?? 'strategic';
  return documents(name, text).map((patch) => {
    if (type === 'json' ? Array.isArray(patch) : isRecord(patch)) return {file: name, type, patch};
    throw invalid(name, type === 'json' ? 'is not a list of operations' : 'is not a map of fields');
  });
}

/** A file may hold several, parted by lines of `---`; empty ones do not count. */
function documents(name: string, text: string): unknown[] {
  const parts = text.split(/^---[ \t]*$/m).map((part) => part.trim());
  return parts
    .flatMap((part) => [...parseAllDocuments(part)])
    .flatMap((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw invalid(name, error.message);
      const value: unknown = document.toJS();
      return value === null ? [] : [value];
    });
}

/**
 * The configuration with all patches done to it, one after the other.
 * @throws NodectlError ND906 for an operation that does not apply
 */
export function patchKubelet(config: Readonly<Fields>, patches: readonly KubeletPatch[]): Fields {
  return patches.reduce<Fields>((base, {file, type, patch}) => {
    try {
      return type === 'json' ? jsonPatch(base, patch) : mergePatch(base, patch);
    } catch (error) {
      throw invalid(file, describeError(error));
    }
  }, config);
}

/**
 * What the join must know before the cluster has told its own fields: patches as far as they set some.
 * Whether all of them apply is seen with the cluster's configuration.
 */
export function foreseenFields(config: Readonly<Fields>, patches: readonly KubeletPatch[]): Fields {
  return patches.reduce<Fields>(
    (base, {type, patch}) =>
      type === 'json' && Array.isArray(patch)
        ? patch.reduce(foreseenOperation, base)
        : mergePatch(base, patch),
    config,
  );
}

function foreseenOperation(base: Fields, operation: unknown): Fields {
  const {op, path, value} = isRecord(operation) ? operation : {};
  const [, name, ...more] = typeof path === 'string' ? path.split('/') : [];
  const sets = (op === 'add' || op === 'replace') && name !== undefined && more.length === 0;
  return sets ? {...base, [name]: value} : base;
}

/**
 * A merge patch (RFC 7386), where null removes. A strategic one differs by its directives alone: no list of a
 * KubeletConfiguration has a merge key.
 */
function mergePatch(base: unknown, patch: unknown): Fields {
  const result: Fields = isRecord(base) && isRecord(patch) && patch.$patch !== 'replace' ? {...base} : {};
  for (const [key, value] of Object.entries(isRecord(patch) ? patch : {})) {
    if (key === '$patch' || key === 'apiVersion' || key === 'kind') continue;
    if (value === null || (isRecord(value) && value.$patch === 'delete')) delete result[key];
    else result[key] = isRecord(value) ? mergePatch(result[key], value) : value;
  }
  return result;
}

/** Maps are merged, everything else is replaced. */
export function mergeFields(base: Readonly<Fields>, over: Readonly<Fields>): Fields {
  const result: Fields = {...base};
  for (const [key, value] of Object.entries(over)) {
    const known = result[key];
    result[key] = isRecord(known) && isRecord(value) ? mergeFields(known, value) : value;
  }
  return result;
}

function invalid(file: string, what: string): NodectlError {
  return new NodectlError('ND906', `--patches: ${file} ${what}`);
}
