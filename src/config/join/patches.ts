import {parse} from 'yaml';
import {describeError, NodectlError} from '../../lib/errors.ts';
import {isRecord} from '../document.ts';

/** A file of kubeadm's --patches directory. */
export type PatchFile = {readonly name: string; readonly text: string};

/** Targets of kubeadm that a worker does not have (cmd/kubeadm/app/util/patches). */
const controlPlaneTargets = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'corednsdeployment',
];

type Fields = Record<string, unknown>;

/**
 * kubeadm's patches of the KubeletConfiguration as fields that win over the cluster's: `target[suffix][+type].yaml`.
 * A strategic patch is a merge here, because no list of a KubeletConfiguration has a merge key.
 * @throws NodectlError ND906 for what cannot be said as fields
 */
export function kubeletPatches(files: readonly PatchFile[]): Fields {
  return files
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(fieldsOf)
    .reduce<Fields>((base, over) => mergeFields(base, over), {});
}

/** Nothing, for a file that is no patch or not for workers. */
function fieldsOf(file: PatchFile): Fields {
  const [, stem = '', type = 'strategic', extension] =
    /^([^+]+?)(?:\+(strategic|merge|json))?\.(json|yaml)$/.exec(file.name) ?? [];
  if (extension === undefined) return {};
  if (controlPlaneTargets.some((target) => stem.startsWith(target))) return {};
  if (!stem.startsWith('kubeletconfiguration'))
    throw invalid(file, 'has a target that kubeadm does not know');
  const patch = read(file);
  if (type === 'json') return operations(file, patch);
  if (isRecord(patch)) return withoutType(patch);
  throw invalid(file, 'is not a map of fields');
}

function read(file: PatchFile): unknown {
  try {
    const value: unknown = parse(file.text);
    return value;
  } catch (error) {
    throw invalid(file, describeError(error));
  }
}

function withoutType({apiVersion, kind, ...fields}: Fields): Fields {
  return fields;
}

/** RFC 6902, as far as it sets fields. */
function operations(file: PatchFile, patch: unknown): Fields {
  if (!Array.isArray(patch)) throw invalid(file, 'is not a list of operations');
  return patch.reduce<Fields>((base, operation: unknown) => {
    const {op, path, value} = isRecord(operation) ? operation : {};
    const names = typeof path === 'string' ? path.split('/').slice(1).map(unescaped) : [];
    if (
      (op !== 'add' && op !== 'replace') ||
      names.length === 0 ||
      names.some((name) => /^(\d+|-)$/.test(name))
    )
      throw invalid(file, `${String(op)} ${String(path)}: only add and replace of fields can be honoured`);
    return mergeFields(base, nested(names, value));
  }, {});
}

/** JSON pointers write `~` and `/` as `~0` and `~1` (RFC 6901). */
function unescaped(name: string): string {
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}

function nested(names: readonly string[], value: unknown): Fields {
  const [first = '', ...rest] = names;
  return {[first]: rest.length === 0 ? value : nested(rest, value)};
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

function invalid({name}: PatchFile, what: string): NodectlError {
  return new NodectlError('ND906', `--patches: ${name} ${what}`);
}
