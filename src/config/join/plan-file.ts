import * as z from 'zod/mini';
import {describeError, NodectlError} from '../../lib/errors.ts';
import type {JoinInput} from '../join.ts';

const fields = z.optional(z.record(z.string(), z.unknown()));
const words = z.optional(z.array(z.string()));
const text = z.optional(z.string());
const number = z.optional(z.number());

/** A join's input without its secrets: those are given again when the plan is applied. */
const plannedInput = z.strictObject({
  endpoint: text,
  caCertHashes: words,
  unsafeSkipCaVerification: z.optional(z.boolean()),
  nodeName: text,
  hostname: z.string(),
  criSocket: text,
  nodeIp: text,
  cni: z.optional(z.enum(['bridge', 'none'])),
  proxy: z.optional(z.enum(['nodectl', 'none'])),
  wait: z.optional(z.enum(['registered', 'ready', 'schedulable', 'none'])),
  waitTimeoutMs: number,
  discoveryTimeoutMs: number,
  tlsBootstrapTimeoutMs: number,
  kubeletTimeoutMs: number,
  skipPhases: words,
  caCertPath: text,
  ignorePreflightErrors: words,
  root: text,
  kubeletConfiguration: fields,
  kubeletPatches: z.optional(
    z.array(
      z.strictObject({
        file: z.string(),
        type: z.enum(['strategic', 'merge', 'json']),
        patch: z.unknown(),
      }),
    ),
  ),
  proxyConfiguration: fields,
  openFirewall: z.optional(z.boolean()),
  taints: words,
  labels: words,
  kubeletArguments: words,
  runtimeSource: z.optional(z.enum(['distro', 'archive', 'present'])),
  runtimeArchives: text,
  runtimeDigests: text,
  airgap: z.optional(
    z.strictObject({kind: z.enum(['directory', 'tar']), path: z.string(), digests: z.string()}),
  ),
  arch: text,
});

const item = z.object({
  phase: z.string(),
  key: z.string(),
  text: z.string(),
  before: text,
  after: text,
  diff: text,
});

const planFile = z.object({
  apiVersion: z.literal('nodectl/v1'),
  kind: z.literal('JoinPlan'),
  digest: z.string(),
  machine: z.object({hostname: z.string(), machineId: z.string()}),
  cluster: z.object({server: z.string(), ca: z.string(), version: text}),
  items: z.array(item),
  objects: z.array(z.string()),
  secrets: z.array(z.string()),
  input: plannedInput,
});

export type PlannedInput = z.output<typeof plannedInput>;
export type PlanFile = z.output<typeof planFile>;

/** @throws NodectlError ND904 when it is not a plan of `nodectl join --plan -o json` */
export function readPlanFile(path: string, content: string): PlanFile {
  const {data, error} = planFile.safeParse(jsonOf(path, content));
  if (error === undefined) return data;
  const issues = error.issues.flatMap((issue) => {
    const where = (field: string[]) => [...issue.path, ...field].join('.') || 'it';
    if (issue.code !== 'unrecognized_keys') return `${where([])}: ${issue.message.toLowerCase()}`;
    return issue.keys.map((key) => `${where([key])}: unknown field`);
  });
  throw unusable(path, issues.slice(0, 5).join('\n'));
}

function jsonOf(path: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw unusable(path, describeError(cause));
  }
}

/** Plans are for the nodectl that made them: another may know other steps. */
function unusable(path: string, why: string): NodectlError {
  return new NodectlError('ND904', `${path} is not a plan of this nodectl’s join --plan -o json\n${why}`, {
    next: ['nodectl join … --plan -o json > plan.json, with this very nodectl, then apply that.'],
  });
}

/** What a plan may tell of its input, and the flags whose secrets must be given again. */
export function withoutSecrets(input: JoinInput): {input: PlannedInput; secrets: readonly string[]} {
  const {token, discoveryToken, tlsBootstrapToken, discoveryFile, proxyKubeconfig, ...rest} = input;
  const {plan, ports, builtInDigests, ...shown} = rest;
  const secrets = Object.entries({
    token,
    'discovery-token': discoveryToken,
    'tls-bootstrap-token': tlsBootstrapToken,
    'discovery-file': discoveryFile,
    'proxy-kubeconfig': proxyKubeconfig,
  }).flatMap(([flag, value]) => (value === undefined ? [] : [flag]));
  const {caCertHashes, skipPhases, ignorePreflightErrors, taints, labels, kubeletArguments} = shown;
  return {
    secrets,
    input: {
      ...shown,
      kubeletConfiguration: copy(shown.kubeletConfiguration),
      proxyConfiguration: copy(shown.proxyConfiguration),
      kubeletPatches: list(shown.kubeletPatches),
      caCertHashes: list(caCertHashes),
      skipPhases: list(skipPhases),
      ignorePreflightErrors: list(ignorePreflightErrors),
      taints: list(taints),
      labels: list(labels),
      kubeletArguments: list(kubeletArguments),
    },
  };
}

function copy(value: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> | undefined {
  return value === undefined ? undefined : {...value};
}

function list<T>(value: readonly T[] | undefined): T[] | undefined {
  return value === undefined ? undefined : [...value];
}
