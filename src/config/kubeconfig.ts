import {stringify} from 'yaml';

export type KubeconfigInput = {
  readonly server: string;
  /** The name to verify instead of the server's host. */
  readonly serverName?: string;
  /** PEM, written as base64. */
  readonly caData?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** PEM, written as base64. */
  readonly certData?: string;
  readonly keyData?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly clusterName?: string;
  readonly userName?: string;
  readonly contextName?: string;
  readonly namespace?: string;
};

/** A kubeconfig of one context; the names are those that kubelet's own bootstrap writes into kubelet.conf. */
export function kubeconfigText(input: KubeconfigInput): string {
  const clusterName = input.clusterName ?? 'default-cluster';
  const userName = input.userName ?? 'default-auth';
  const contextName = input.contextName ?? 'default-context';
  const cluster = defined({
    'certificate-authority': input.caFile,
    'certificate-authority-data': base64(input.caData),
    server: input.server,
    'tls-server-name': input.serverName,
  });
  const user = defined({
    'client-certificate': input.certFile,
    'client-certificate-data': base64(input.certData),
    'client-key': input.keyFile,
    'client-key-data': base64(input.keyData),
    token: input.token,
    tokenFile: input.tokenFile,
  });
  const context = defined({cluster: clusterName, namespace: input.namespace, user: userName});
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{cluster, name: clusterName}],
      contexts: [{context, name: contextName}],
      'current-context': contextName,
      users: [{name: userName, user}],
    },
    {lineWidth: 0},
  );
}

function defined(fields: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries: [string, string][] = [];
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) entries.push([key, value]);
  return Object.fromEntries(entries);
}

function base64(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text).toString('base64');
}
