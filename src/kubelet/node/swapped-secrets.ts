export type SwapSeen = {
  readonly swaps: readonly string[];
  /** As `uname -r` tells it. */
  readonly kernel: string;
  /** Whether the kernel takes a tmpfs with `noswap`: some older ones were given it. */
  readonly tryNoswap: () => Promise<boolean>;
};

const firstWithNoswap = [6, 4] as const;

/** What is kept in memory alone may come to the disk all the same: whoever has Secrets here is to know that. */
export async function tellOfSwappedSecrets(
  {swaps, kernel, tryNoswap}: SwapSeen,
  tell: (type: 'Warning', reason: string, message: string) => void,
): Promise<void> {
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
