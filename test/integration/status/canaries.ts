import type {StatusNode} from './node.ts';

/** One secret of each kind that a node holds, where it may stand. */
export const canaries = {
  bootstrapToken: 'canary1234567890',
  privateKey: 'CanaryOfAPrivateKey0000000000',
  bearer: 'canary-of-a-bearer-token',
  jsonWebToken: 'eyJjYW5hcnkiOjF9.eyJjYW5hcnkiOjJ9.Q2FuYXJ5',
  registryPassword: 'canary-of-a-registry',
  registryAuth: 'Y2FuYXJ5LW9mLWF1dGg=',
  proxyPassword: 'canary-of-a-proxy',
  environment: 'canary-of-an-environment',
  field: 'canary-of-a-field',
} as const;

/** Puts each into a log or a configuration of the node. */
export async function plantCanaries(node: StatusNode): Promise<void> {
  const c = canaries;
  const lines = [
    'a line that may be read',
    `joining with abcdef.${c.bootstrapToken}`,
    `authorization: Bearer ${c.bearer}`,
    `service account token ${c.jsonWebToken}`,
    `pulling through http://user:${c.proxyPassword}@proxy.invalid:3128`,
    JSON.stringify({
      level: 30,
      msg: 'started',
      env: [{name: 'X', value: c.environment}],
      clientSecret: c.field,
    }),
  ];
  const log = '/var/log/nodectl/nodectl-kubelet.log';
  node.write(log, `${node.read(log)}${lines.join('\n')}\n`);
  const toml = '/etc/containerd/config.toml';
  node.write(
    toml,
    `${node.read(toml)}\n# password = "${c.registryPassword}"\n# auth = "${c.registryAuth}"\n` +
      `# -----BEGIN PRIVATE KEY-----\n# ${c.privateKey}\n# -----END PRIVATE KEY-----\n`,
  );
}
