import {formatBytes, quantityValue} from '../../lib/quantity.ts';

/** As resource.Quantity prints DecimalSI: the largest of k, M, G … that leaves no rest. */
export function formatCount(value: number): string {
  const units = ['E', 'P', 'T', 'G', 'M', 'k'];
  for (const [at, unit] of units.entries()) {
    const size = 1000 ** (units.length - at);
    if (value !== 0 && value % size === 0) return `${value / size}${unit}`;
  }
  return String(value);
}

/** A sum, in the format of the first of what it was made of: binary where that has a binary suffix. */
export function formatSum(text: string, [first = text]: readonly string[]): string {
  const value = quantityValue(text);
  return first.endsWith('i') ? formatBytes(value) : formatCount(value);
}
