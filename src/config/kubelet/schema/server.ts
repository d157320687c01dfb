import * as z from 'zod/mini';
import {
  flag,
  integer,
  minutes,
  oneOf,
  orDuration,
  orPort,
  orText,
  port,
  seconds,
  text,
  texts,
} from './kinds.ts';

const authentication = z.strictObject({
  x509: z.prefault(z.strictObject({clientCAFile: text}), {}),
  webhook: z.prefault(z.strictObject({enabled: flag(true), cacheTTL: orDuration(minutes(2))}), {}),
  anonymous: z.prefault(z.strictObject({enabled: flag(false)}), {}),
});

const authorization = z.strictObject({
  mode: oneOf('Webhook', 'AlwaysAllow'),
  webhook: z.prefault(
    z.strictObject({
      cacheAuthorizedTTL: orDuration(minutes(5)),
      cacheUnauthorizedTTL: orDuration(seconds(30)),
    }),
    {},
  ),
});

/** The kubelet's own API and health. */
export const server = {
  enableServer: flag(true),
  address: orText('0.0.0.0'),
  port: orPort(10_250),
  readOnlyPort: z._default(port, 0),
  tlsCertFile: text,
  tlsPrivateKeyFile: text,
  tlsCipherSuites: texts,
  tlsCurvePreferences: z._default(z.array(integer), []),
  tlsMinVersion: oneOf('VersionTLS12', 'VersionTLS10', 'VersionTLS11', 'VersionTLS13'),
  rotateCertificates: flag(false),
  serverTLSBootstrap: flag(false),
  authentication: z.prefault(authentication, {}),
  authorization: z.prefault(authorization, {}),
  enableDebuggingHandlers: flag(true),
  enableContentionProfiling: flag(false),
  /** True in Kubernetes: who wants the machine's logs served says so. */
  enableSystemLogHandler: flag(false),
  enableSystemLogQuery: flag(false),
  enableProfilingHandler: flag(true),
  enableDebugFlagsHandler: flag(true),
  healthzPort: z._default(port, 10_248),
  healthzBindAddress: orText('127.0.0.1'),
  streamingConnectionIdleTimeout: orDuration(4 * 3_600_000),
  showHiddenMetricsForVersion: text,
};
