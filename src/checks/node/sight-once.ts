/** The first look is kept for all who ask after it. */
export function once<T>(look: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined;
  return () => {
    kept ??= look();
    return kept;
  };
}
