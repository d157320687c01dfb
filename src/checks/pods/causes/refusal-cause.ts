/** Why the kubelet does not admit a pod, in a few words, and what to type beside `kubectl describe`. */
export type RefusalCause = {readonly what: string; readonly next?: string};

type Known = {readonly like: RegExp; cause(match: readonly string[]): RefusalCause};

/** Words of the kubelet's admission. */
const known: readonly Known[] = [
  {
    like: /enough resource: ([^,\s]+), requested: \d+, used: \d+, capacity: 0\b/,
    cause: ([, resource = '']) => ({
      what: `the node has no ${resource}`,
      next: 'kubectl get node NAME -o jsonpath={.status.allocatable}',
    }),
  },
  {
    like: /enough resource: ([^,\s]+)/,
    cause: ([, resource = '']) => ({
      what: `too little ${resource} is left`,
      next: 'kubectl describe node NAME | grep -A12 Allocated',
    }),
  },
  {
    like: /Cannot enforce AppArmor: (.+)/,
    cause: () => ({
      what: 'it asks for AppArmor, which this kernel does not have on',
      next: 'cat /sys/module/apparmor/parameters/enabled',
    }),
  },
  {
    like: /forbidden sysctl: "?([\w.*-]+)"?/,
    cause: ([, name = '']) => ({
      what: `it sets the sysctl ${name}, which this node does not allow`,
      next: `allowedUnsafeSysctls of the kubelet’s configuration may allow ${name}.`,
    }),
  },
  {
    like: /Predicate NodeAffinity failed|node\(s\) didn't match|NodeAffinity/,
    cause: () => ({
      what: 'its nodeSelector or affinity does not fit this node’s labels',
      next: 'kubectl get node NAME --show-labels',
    }),
  },
  {
    like: /OS field doesn't match|OS label/,
    cause: () => ({what: 'it is made for another operating system'}),
  },
  {
    like: /Topology|NUMA/,
    cause: () => ({
      what: 'its CPUs, memory and devices cannot be had on the NUMA nodes that the topology policy wants',
    }),
  },
  {
    like: /node had condition: \[(\w+)\]|DiskPressure|MemoryPressure|PIDPressure/,
    cause: ([, condition = 'pressure']) => ({
      what: `the node was under ${condition}`,
      next: 'sudo nodectl status',
    }),
  },
  {
    like: /graceful(?:ly)? shut|node is shutting down/i,
    cause: () => ({what: 'the node was shutting down'}),
  },
];

/** Undefined where the words say nothing that is known. */
export function refusalCause(message: string, node: string): RefusalCause | undefined {
  for (const {like, cause} of known) {
    const match = like.exec(message);
    if (match === null) continue;
    const {what, next} = cause(match);
    return next === undefined ? {what} : {what, next: next.replace('NAME', node)};
  }
  return undefined;
}
