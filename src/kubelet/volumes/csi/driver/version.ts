/** Versions of the CSI that a driver says it speaks. */
export type Version = readonly number[];

/** The highest version that we speak, too: any 1.x (pkg/util/version, HighestSupportedVersion). @throws without one */
export function highestSupported(versions: readonly string[]): Version {
  const parsed = versions.flatMap((text) => parse(text) ?? []).map((version) => version.parts);
  const usable = parsed.filter(([major = 0]) => major <= 1).sort(compare);
  const highest = usable.at(-1);
  if (highest === undefined)
    throw new Error(
      `could not find a highest supported version from versions (${versions.join(', ')}) reported by this plugin`,
    );
  if (highest[0] !== 1)
    throw new Error(`highest supported version reported by plugin is ${highest.join('.')}, must be v1.x`);
  return highest;
}

export function compare(a: Version, b: Version): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parse(text: string): {readonly parts: Version} | undefined {
  const match = /^\s*v?(\d+(?:\.\d+)*)/.exec(text);
  return match?.[1] === undefined ? undefined : {parts: match[1].split('.').map(Number)};
}
