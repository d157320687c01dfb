export type MachineSeen = {
  readonly cgroup: 1 | 2;
  readonly swaps: readonly string[];
  /** As `uname -r` tells it. */
  readonly kernel: string;
  /** Whether the kernel takes a tmpfs with `noswap`: some older ones were given it. */
  readonly tryNoswap: () => Promise<boolean>;
};

const firstWithNoswap = [6, 4] as const;

type Tell = (type: 'Warning', reason: string, message: string) => void;

/** What of this machine whoever looks at its Node is to know, at each start. */
export async function tellOfMachine(seen: MachineSeen, tell: Tell): Promise<void> {
  if (seen.cgroup === 1)
    tell(
      'Warning',
      'CgroupV1',
      'cgroup v1 detected. cgroup v1 support is deprecated and will be removed in a future release. Please migrate to cgroup v2. More information at https://git.k8s.io/enhancements/keps/sig-node/5573-remove-cgroup-v1',
    );
  await tellOfSwappedSecrets(seen, tell);
}

/** What is kept in memory alone may come to the disk all the same: whoever has Secrets here is to know that. */
async function tellOfSwappedSecrets({swaps, kernel, tryNoswap}: MachineSeen, tell: Tell): Promise<void> {
  if (swaps.length === 0 || hasNoswap(kernel) || (await tryNoswap())) return;
  tell(
    'Warning',
    'PossibleMemoryBackedVolumesOnDisk',
    'The tmpfs noswap option is not supported. Memory-backed volumes (e.g. secrets, emptyDirs, etc.) might be swapped to disk and should no longer be considered secure.',
  );
}

function hasNoswap(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const [first, second] = firstWithNoswap;
  return major > first || (major === first && minor >= second);
}
