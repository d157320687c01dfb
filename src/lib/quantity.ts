/**
 * Kubernetes resource quantities (apimachinery/pkg/api/resource): a decimal number with a binary (Ki…Ei),
 * decimal (n, u, m, k…E) or exponent suffix. Kept exact as an integer of nano-units.
 */
const nano = 1_000_000_000n;
const binary: Readonly<Record<string, bigint>> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};
const decimal: Readonly<Record<string, bigint>> = {
  n: 1n,
  u: 1000n,
  m: 1_000_000n,
  '': nano,
  k: nano * 1000n,
  M: nano * 10n ** 6n,
  G: nano * 10n ** 9n,
  T: nano * 10n ** 12n,
  P: nano * 10n ** 15n,
  E: nano * 10n ** 18n,
};
const pattern = /^([+-]?)(\d*)(?:\.(\d*))?(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,2}))?$/;

/** Nano-units, rounded up (away from zero) as Kubernetes does; undefined when `text` is not a quantity. */
export function parseQuantity(text: string | number): bigint | undefined {
  const match = pattern.exec(String(text));
  const [, sign, whole = '', fraction = '', binarySuffix, suffix = '', exponent] = match ?? [];
  if (match === null || whole + fraction === '') return undefined;
  let scale = binarySuffix ? (binary[binarySuffix] ?? 1n) * nano : (decimal[suffix] ?? nano);
  let divisor = 10n ** BigInt(fraction.length);
  if (exponent !== undefined) {
    const power = BigInt(exponent);
    if (power >= 0n) scale *= 10n ** power;
    else divisor *= 10n ** -power;
  }
  const scaled = BigInt(whole + fraction) * scale;
  const value = (scaled + divisor - 1n) / divisor;
  return sign === '-' ? -value : value;
}

/** Whole units rounded up (bytes, pods); 0 for anything that is not a quantity. */
export function quantityValue(text: string | number | undefined): number {
  return scaledValue(text, nano);
}

/** Thousandths rounded up (milli-CPU); 0 for anything that is not a quantity. */
export function quantityMilli(text: string | number | undefined): number {
  return scaledValue(text, 1_000_000n);
}

function scaledValue(text: string | number | undefined, unit: bigint): number {
  const value = text === undefined ? undefined : parseQuantity(text);
  if (value === undefined) return 0;
  return Number(value >= 0n ? (value + unit - 1n) / unit : value / unit);
}

/** Milli-CPU as Kubernetes prints it: `1500m`, `2`. */
export function formatMilli(milli: number): string {
  return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`;
}

/** Bytes in the largest binary unit that divides them: `128Mi`, `8148760Ki`, `1000`. */
export function formatBytes(bytes: number): string {
  const units = ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki'];
  for (const [at, unit] of units.entries()) {
    const size = 1024 ** (units.length - at);
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}
