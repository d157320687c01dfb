/** Labels of Kubernetes' own domains that a kubelet may give its Node (k8s.io/kubelet/pkg/apis well_known_labels.go). */
const known: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'node.kubernetes.io/windows-build',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
]);
const ownDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const name = /^[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/;
const domain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const maxDomain = 253;

/** `name` or `domain/name`: labels and taints have the same keys and values. */
export function isLabelKey(key: string): boolean {
  const at = key.indexOf('/');
  const prefix = at < 0 ? undefined : key.slice(0, at);
  if (prefix !== undefined && (prefix.length > maxDomain || !domain.test(prefix))) return false;
  return name.test(key.slice(at + 1));
}

export function isLabelValue(value: string): boolean {
  return value === '' || name.test(value);
}

/** What is wrong with --node-labels; the API server would refuse the whole Node for it (NodeRestriction). */
export function labelProblems(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).flatMap(([key, value]) => {
    const at = key.indexOf('/');
    const prefix = at < 0 ? undefined : key.slice(0, at);
    if (!isLabelKey(key)) return [`--node-labels: ${JSON.stringify(key)} is not a label key`];
    if (!isLabelValue(value)) return [`--node-labels: ${JSON.stringify(value)} is not a label value`];
    return prefix === undefined || mayUse(key, prefix)
      ? []
      : [`--node-labels: ${key} is a label that a node may not give itself`];
  });
}

function mayUse(key: string, prefix: string): boolean {
  const within = (parent: string) => prefix === parent || prefix.endsWith(`.${parent}`);
  if (!within('kubernetes.io') && !within('k8s.io')) return true;
  return known.has(key) || ownDomains.some(within);
}
