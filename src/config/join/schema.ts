import * as z from 'zod/mini';
import {parseDuration} from '../machine/units.ts';

/**
 * kubeadm's JoinConfiguration, v1beta4 and v1beta3, strict. What only concerns control planes but is printed by
 * `kubeadm config print join-defaults` (image pulling, etcd and static pods) is read and has no effect, as on
 * kubeadm's own workers; `controlPlane` is refused by name in join/file.ts.
 */
const duration = z.pipe(
  z
    .string()
    .check(
      z.refine((value) => parseDuration(value) !== undefined, {error: 'is not a duration such as 1m30s'}),
    ),
  z.transform((value: string) => parseDuration(value) ?? 0),
);

const taint = z.strictObject({
  key: z.string(),
  value: z.optional(z.string()),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
  timeAdded: z.optional(z.string()),
});

const registration = {
  name: z.optional(z.string()),
  criSocket: z.optional(z.string()),
  taints: z.optional(z.array(taint)),
  ignorePreflightErrors: z.optional(z.array(z.string())),
  imagePullPolicy: z.optional(z.enum(['', 'Always', 'IfNotPresent', 'Never'])),
};

const discovery = {
  bootstrapToken: z.optional(
    z.strictObject({
      token: z.optional(z.string()),
      apiServerEndpoint: z.optional(z.string()),
      caCertHashes: z.optional(z.array(z.string())),
      unsafeSkipCAVerification: z.optional(z.boolean()),
    }),
  ),
  file: z.optional(z.strictObject({kubeConfigPath: z.string()})),
  tlsBootstrapToken: z.optional(z.string()),
};

const common = {
  kind: z.literal('JoinConfiguration'),
  caCertPath: z.optional(z.string()),
  controlPlane: z.optional(z.unknown()),
  patches: z.optional(z.strictObject({directory: z.optional(z.string())})),
  skipPhases: z.optional(z.array(z.string())),
};

export const joinV1beta4 = z.strictObject({
  ...common,
  apiVersion: z.literal('kubeadm.k8s.io/v1beta4'),
  dryRun: z.optional(z.boolean()),
  nodeRegistration: z.optional(
    z.strictObject({
      ...registration,
      imagePullSerial: z.optional(z.boolean()),
      kubeletExtraArgs: z.optional(z.array(z.strictObject({name: z.string(), value: z.string()}))),
    }),
  ),
  discovery: z.optional(z.strictObject(discovery)),
  timeouts: z.optional(
    z.strictObject({
      controlPlaneComponentHealthCheck: z.optional(duration),
      kubeletHealthCheck: z.optional(duration),
      kubernetesAPICall: z.optional(duration),
      etcdAPICall: z.optional(duration),
      tlsBootstrap: z.optional(duration),
      discovery: z.optional(duration),
      upgradeManifests: z.optional(duration),
    }),
  ),
});

/** Extra arguments are a map, and the one timeout is in `discovery`. */
export const joinV1beta3 = z.strictObject({
  ...common,
  apiVersion: z.literal('kubeadm.k8s.io/v1beta3'),
  nodeRegistration: z.optional(
    z.strictObject({
      ...registration,
      kubeletExtraArgs: z.optional(z.record(z.string(), z.string())),
    }),
  ),
  discovery: z.optional(z.strictObject({...discovery, timeout: z.optional(duration)})),
});

export type JoinV1beta4 = z.output<typeof joinV1beta4>;
