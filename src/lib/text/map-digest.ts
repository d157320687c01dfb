/** The same for the same lines in any order, so that two sides need not sort: FNV-1a of each, added up. */
export function mapDigest(lines: Iterable<string>): string {
  let sum = 0;
  for (const line of lines) {
    let hash = 0x811c9dc5;
    for (let at = 0; at < line.length; at++) hash = Math.imul(hash ^ line.charCodeAt(at), 0x01000193);
    sum = (sum + hash) >>> 0;
  }
  return sum.toString(16).padStart(8, '0');
}
