/** Go's cipher suite names (component-base/cli/flag) to OpenSSL's; TLS 1.3 suites cannot be chosen, as in Go. */
const cipherSuites: ReadonlyMap<string, string> = new Map([
  ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', 'ECDHE-ECDSA-AES128-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', 'ECDHE-RSA-AES128-SHA'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', 'ECDHE-ECDSA-AES256-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA', 'ECDHE-RSA-AES256-SHA'],
  ['TLS_AES_128_GCM_SHA256', ''],
  ['TLS_AES_256_GCM_SHA384', ''],
  ['TLS_CHACHA20_POLY1305_SHA256', ''],
]);

/**
 * Those that Go calls insecure but takes: the CIS benchmark asked for the two of RSA with GCM up to 1.11, so hardened
 * clusters have them. This TLS library has no RC4 and no 3DES ('').
 */
const insecureSuites: ReadonlyMap<string, string> = new Map([
  ['TLS_RSA_WITH_AES_128_GCM_SHA256', 'AES128-GCM-SHA256'],
  ['TLS_RSA_WITH_AES_256_GCM_SHA384', 'AES256-GCM-SHA384'],
  ['TLS_RSA_WITH_AES_128_CBC_SHA', 'AES128-SHA'],
  ['TLS_RSA_WITH_AES_256_CBC_SHA', 'AES256-SHA'],
  ['TLS_RSA_WITH_AES_128_CBC_SHA256', 'AES128-SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'ECDHE-ECDSA-AES128-SHA256'],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', 'ECDHE-RSA-AES128-SHA256'],
  ['TLS_RSA_WITH_3DES_EDE_CBC_SHA', ''],
  ['TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA', ''],
  ['TLS_RSA_WITH_RC4_128_SHA', ''],
  ['TLS_ECDHE_ECDSA_WITH_RC4_128_SHA', ''],
  ['TLS_ECDHE_RSA_WITH_RC4_128_SHA', ''],
]);

export function suiteProblems(names: readonly string[]): string[] {
  const unknown = names.filter((name) => !cipherSuites.has(name) && !insecureSuites.has(name));
  if (unknown.length > 0) return unknown.map((name) => `tlsCipherSuites: ${name} is not known`);
  const none = names.length > 0 && names.every((name) => insecureSuites.get(name) === '');
  return none ? [`tlsCipherSuites: nothing of ${names.join(', ')} can be used`] : [];
}

export function suiteWarnings(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const suite = insecureSuites.get(name);
    if (suite === undefined) return [];
    return [`tlsCipherSuites: ${name} is insecure${suite === '' ? ', and is not offered' : ''}`];
  });
}

/** IANA's numbers of key exchanges, as Go names them (component-base/cli/flag, TLSCurvePreferences), to OpenSSL's. */
const curves: ReadonlyMap<number, string> = new Map([
  [23, 'P-256'],
  [24, 'P-384'],
  [25, 'P-521'],
  [29, 'X25519'],
  [4587, 'SecP256r1MLKEM768'],
  [4588, 'X25519MLKEM768'],
  [4589, 'SecP384r1MLKEM1024'],
]);

export function curveProblems(ids: readonly number[]): string[] {
  return ids.filter((id) => !curves.has(id)).map((id) => `tlsCurvePreferences: ${id} is not known`);
}

const versions = {
  VersionTLS10: 'TLSv1',
  VersionTLS11: 'TLSv1.1',
  VersionTLS12: 'TLSv1.2',
  VersionTLS13: 'TLSv1.3',
} as const;

export type TlsOptions = {
  readonly minVersion: (typeof versions)[keyof typeof versions];
  /** OpenSSL cipher list; undefined means Node's own. */
  readonly ciphers?: string;
  /** OpenSSL's names of groups, those that are liked best first. */
  readonly ecdhCurve?: string;
};

const tls13 = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';

/** The options that a Node TLS server takes for a configuration. */
export function tlsOptions(configuration: {
  readonly tlsMinVersion: keyof typeof versions;
  readonly tlsCipherSuites: readonly string[];
  readonly tlsCurvePreferences: readonly number[];
}): TlsOptions {
  const {tlsCipherSuites: names, tlsCurvePreferences} = configuration;
  const groups = tlsCurvePreferences.flatMap((id) => curves.get(id) ?? []);
  const common = {
    minVersion: versions[configuration.tlsMinVersion],
    ...(groups.length === 0 ? {} : {ecdhCurve: groups.join(':')}),
  };
  if (names.length === 0) return common;
  const chosen = names
    .map((name) => cipherSuites.get(name) ?? insecureSuites.get(name) ?? '')
    .filter((suite) => suite !== '');
  return {...common, ciphers: [tls13, ...new Set(chosen)].join(':')};
}
