/** The parts of `sandbox up`'s result that a person reads. */
export type SandboxSummary = {
  readonly kubeconfig: string;
  readonly node: {
    readonly name: string;
    readonly status: string;
    readonly version: string;
    readonly address: string;
    readonly runtime: string;
  };
  readonly hello: {readonly url: string; readonly answer: string};
  readonly changes: number;
  /** Whether this machine has a kubectl. */
  readonly kubectl: boolean;
};

/** What a person needs next: that it works, the node's line, the kubeconfig, three commands. */
export function sandboxSummary({kubeconfig, node, hello, changes, kubectl}: SandboxSummary): string {
  const head = changes === 0 ? 'Everything is in place: nothing to change.' : 'The sandbox is up.';
  return [
    head,
    '',
    `  node   ${node.name}  ${node.status}  ${node.version}  ${node.address}  ${node.runtime}`,
    `  proof  GET ${hello.url}  →  ${hello.answer}`,
    '',
    'Try:',
    ...(kubectl
      ? []
      : ['  apt-get install kubectl || apt-get install kubernetes-client   # Debian 13 || Debian 12']),
    `  export KUBECONFIG=${kubeconfig}`,
    '  kubectl get pods --all-namespaces --output wide',
    '  kubectl exec -it deployment/hello -- sh',
    `  curl ${hello.url}`,
    '',
    'Take it away again: nodectl sandbox down',
  ].join('\n');
}
