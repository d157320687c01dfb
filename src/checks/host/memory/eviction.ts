import {quantityValue} from '../../../lib/quantity.ts';

/** Bytes (or inodes) of an eviction threshold: a quantity, or a percentage of the whole. */
export function evictionThreshold(text: string | undefined, whole: number): number {
  if (text === undefined) return 0;
  return text.endsWith('%') ? Math.floor((whole * Number(text.slice(0, -1))) / 100) : quantityValue(text);
}

/** `3.2 GiB`, `840 MiB`. */
export function bytesText(bytes: number): string {
  const gib = bytes / 1024 ** 3;
  return gib >= 1 ? `${gib.toFixed(1)} GiB` : `${Math.floor(bytes / 1024 ** 2)} MiB`;
}
