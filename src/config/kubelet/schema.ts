import * as z from 'zod/mini';
import {count, duration, flag, orCount, orText} from './schema/kinds.ts';
import {eviction, node, sources} from './schema/node.ts';
import {cgroups, network, runtime} from './schema/pods.ts';
import {server} from './schema/server.ts';

const api = {
  eventRecordQPS: z._default(count, 50),
  eventBurst: orCount(100),
  kubeAPIQPS: z._default(count, 50),
  kubeAPIBurst: orCount(100),
  contentType: orText('application/vnd.kubernetes.protobuf'),
};

const stream = {splitStream: flag(false), infoBufferSize: z._default(z.union([z.string(), z.number()]), '0')};

/** component-base's LoggingConfiguration. Without a format lines are as nodectl writes them. */
const logging = z.strictObject({
  format: z._default(z.enum(['', 'text', 'json']), ''),
  /** A Go duration, or nanoseconds: each line is written at once. Five seconds are Kubernetes' default. */
  flushFrequency: z._default(
    z.union([
      duration,
      z.pipe(
        z.number(),
        z.transform((ns: number) => ns / 1e6),
      ),
    ]),
    0,
  ),
  verbosity: z._default(count, 0),
  vmodule: z._default(z.array(z.strictObject({filePattern: z.string(), verbosity: count})), []),
  options: z.prefault(
    z.strictObject({
      text: z.prefault(z.strictObject(stream), {}),
      json: z.prefault(z.strictObject(stream), {}),
    }),
    {},
  ),
});

/**
 * KubeletConfiguration kubelet.config.k8s.io/v1beta1 with the defaults of Kubernetes 1.36
 * (pkg/kubelet/apis/config/v1beta1/defaults.go).
 */
export const kubeletConfiguration = z.strictObject({
  apiVersion: z._default(z.literal('kubelet.config.k8s.io/v1beta1'), 'kubelet.config.k8s.io/v1beta1'),
  kind: z._default(z.literal('KubeletConfiguration'), 'KubeletConfiguration'),
  ...server,
  ...sources,
  ...node,
  ...eviction,
  ...cgroups,
  ...runtime,
  ...network,
  ...api,
  logging: z.prefault(logging, {}),
  tracing: z.optional(z.looseObject({})),
});

export type ParsedKubeletConfiguration = z.output<typeof kubeletConfiguration>;

/** Fields that hold milliseconds here and a Go duration on the wire, by their path. */
export const durationPaths: readonly (readonly string[])[] = [
  ...Object.entries(kubeletConfiguration.shape).flatMap(([name, schema]) => durationsOf(schema, [name])),
];

function durationsOf(schema: unknown, path: readonly string[]): (readonly string[])[] {
  if (schema === duration) return [path];
  if (!(schema instanceof z.ZodMiniType)) return [];
  const {def} = schema._zod;
  if ('innerType' in def) return durationsOf(def.innerType, path);
  if ('in' in def) return durationsOf(def.in, path);
  if ('options' in def && Array.isArray(def.options) && def.options.includes(duration)) return [path];
  if ('shape' in def && typeof def.shape === 'object' && def.shape !== null)
    return Object.entries(def.shape).flatMap(([name, inner]) => durationsOf(inner, [...path, name]));
  return [];
}
