import {staticAnnotations} from '../../../../config/pod/static-pod.ts';
import type {ConfigMap, Container, Pod, Secret, Service} from '../../../../lib/kubernetes.ts';
import {rawText} from '../../../../lib/text/raw-text.ts';
import {PodConfigError} from '../config-error.ts';
import {type DownwardFacts, environmentField, resourceField} from './downward-api.ts';
import {envFileValue} from './env-file.ts';
import {expand} from './expansion.ts';
import {serviceEnvironment} from './service-environment.ts';

export type EnvironmentVariable = {readonly name: string; readonly value: string};

export type EnvironmentInput = {
  readonly pod: Pod;
  readonly container: Container;
  /** All Services this node knows; undefined before they have been read. */
  readonly services: Iterable<Service> | undefined;
  /** By name, those that `environmentReferences` lists; undefined or absent: there is no such object. */
  readonly configMaps: ReadonlyMap<string, ConfigMap | undefined>;
  readonly secrets: ReadonlyMap<string, Secret | undefined>;
  /** Environment files, by `environmentFiles`' keys; undefined: there is no such volume. An Error: not readable. */
  readonly files?: ReadonlyMap<string, string | Error | undefined>;
  readonly facts: DownwardFacts;
};

export type EnvironmentResult =
  | {readonly ok: true; readonly variables: readonly EnvironmentVariable[]}
  /** The message of the container's CreateContainerConfigError. */
  | {readonly ok: false; readonly message: string};

type EnvVar = NonNullable<Container['env']>[number];
type ValueFrom = NonNullable<EnvVar['valueFrom']>;

/** Names of the ConfigMaps and Secrets that a container's environment is made of. */
export function environmentReferences(container: Container): {configMaps: string[]; secrets: string[]} {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  for (const {configMapRef, secretRef} of container.envFrom ?? []) {
    if (configMapRef?.name) configMaps.add(configMapRef.name);
    if (secretRef?.name) secrets.add(secretRef.name);
  }
  for (const {valueFrom} of container.env ?? []) {
    if (valueFrom?.configMapKeyRef?.name) configMaps.add(valueFrom.configMapKeyRef.name);
    if (valueFrom?.secretKeyRef?.name) secrets.add(valueFrom.secretKeyRef.name);
  }
  return {configMaps: [...configMaps], secrets: [...secrets]};
}

export type EnvironmentFile = {readonly key: string; readonly volume: string; readonly path: string};

/** The files in volumes that variables of a container are read from. */
export function environmentFiles({env = []}: Container): EnvironmentFile[] {
  const references = env.flatMap(({valueFrom}) => valueFrom?.fileKeyRef ?? []);
  return references.map(({volumeName, path}) => ({key: fileKey(volumeName, path), volume: volumeName, path}));
}

function fileKey(volume: string, path: string): string {
  return `${volume}/${path}`;
}

/**
 * A container's environment (pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables): envFrom, then env over it in
 * order, then the Services' variables that nothing has taken.
 */
export function buildEnvironment(input: EnvironmentInput): EnvironmentResult {
  try {
    return {ok: true, variables: build(input)};
  } catch (error) {
    if (error instanceof PodConfigError) return {ok: false, message: error.message};
    throw error;
  }
}

function build(input: EnvironmentInput): EnvironmentVariable[] {
  const {pod, container} = input;
  const links = pod.spec.enableServiceLinks ?? true;
  const services = serviceEnvironment(knownServices(input), pod.metadata.namespace, links);
  const own = fromSources(input);
  for (const variable of container.env ?? []) {
    const value = variable.value
      ? expand(variable.value, (name) => own.get(name) ?? services.get(name))
      : variable.valueFrom === undefined
        ? ''
        : fromSource(variable.valueFrom, input);
    if (value !== undefined) own.set(variable.name, value);
  }
  for (const [name, value] of services) if (!own.has(name)) own.set(name, value);
  return [...own].map(([name, value]) => ({name, value}));
}

/** A static pod waits for none: it may be the API server itself. */
function knownServices({pod, services}: EnvironmentInput): Iterable<Service> {
  if (services !== undefined) return services;
  const source = pod.metadata.annotations?.[staticAnnotations.source];
  if (source !== undefined && source !== 'api') return [];
  throw new PodConfigError('services have not yet been read at least once, cannot construct envvars');
}

function fromSources({container, configMaps, secrets}: EnvironmentInput): Map<string, string> {
  const variables = new Map<string, string>();
  for (const {prefix = '', configMapRef, secretRef} of container.envFrom ?? []) {
    const reference = configMapRef ?? secretRef;
    if (reference === undefined) continue;
    const data =
      configMapRef === undefined
        ? decoded(secrets.get(reference.name ?? ''))
        : configMaps.get(reference.name ?? '') && (configMaps.get(reference.name ?? '')?.data ?? {});
    if (data === undefined) {
      if (reference.optional === true) continue;
      throw missing(configMapRef === undefined ? 'secret' : 'configmap', reference.name ?? '');
    }
    for (const [key, value] of Object.entries(data)) variables.set(prefix + key, value);
  }
  return variables;
}

/** Undefined: the variable is optional and there is nothing to set it to. */
function fromSource(source: ValueFrom, input: EnvironmentInput): string | undefined {
  const {pod, container, facts} = input;
  if (source.fieldRef !== undefined) return environmentField(pod, source.fieldRef.fieldPath, facts);
  if (source.resourceFieldRef !== undefined)
    return resourceField(pod, container, source.resourceFieldRef, facts.nodeAllocatable);
  if (source.configMapKeyRef !== undefined) {
    const configMap = input.configMaps.get(source.configMapKeyRef.name ?? '');
    return keyed('ConfigMap', configMap && (configMap.data ?? {}), source.configMapKeyRef, pod);
  }
  if (source.secretKeyRef !== undefined)
    return keyed(
      'Secret',
      decoded(input.secrets.get(source.secretKeyRef.name ?? '')),
      source.secretKeyRef,
      pod,
    );
  if (source.fileKeyRef !== undefined) return fromFile(source.fileKeyRef, input);
  throw new PodConfigError(`env source ${Object.keys(source).join(', ')} is not supported on this node`);
}

function fromFile(
  {volumeName, path, key, optional}: NonNullable<ValueFrom['fileKeyRef']>,
  {files}: EnvironmentInput,
): string | undefined {
  const text = files?.get(fileKey(volumeName, path));
  if (text === undefined)
    throw new PodConfigError(`cannot find the volume "${volumeName}" referenced by FileKeyRef`);
  const value = valueIn(text, key);
  if (value !== undefined || optional === true) return value;
  throw new PodConfigError(`environment variable key "${key}" not found in file "${path}"`);
}

/** What is in the file is the container's own; what is wrong with it is not told to others. */
function valueIn(text: string | Error, key: string): string | undefined {
  if (text instanceof Error) throw new PodConfigError("couldn't parse env file");
  try {
    return envFileValue(text, key);
  } catch {
    throw new PodConfigError("couldn't parse env file");
  }
}

type KeyReference = {readonly name?: string; readonly key: string; readonly optional?: boolean};

function keyed(
  kind: 'ConfigMap' | 'Secret',
  data: Readonly<Record<string, string>> | undefined,
  {name = '', key, optional}: KeyReference,
  pod: Pod,
): string | undefined {
  if (data !== undefined && Object.hasOwn(data, key)) return data[key];
  if (optional === true) return undefined;
  if (data === undefined) throw missing(kind.toLowerCase(), name);
  throw new PodConfigError(`couldn't find key ${key} in ${kind} ${pod.metadata.namespace}/${name}`);
}

/** As the API server words it: `configmap "x" not found`. */
function missing(kind: string, name: string): PodConfigError {
  return new PodConfigError(`${kind} "${name}" not found`);
}

/** A Secret may hold any bytes: they are the value as they are. */
function decoded(secret: Secret | undefined): Record<string, string> | undefined {
  if (secret === undefined) return undefined;
  const entries = Object.entries(secret.data ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, rawText(Buffer.from(value, 'base64'))]));
}
