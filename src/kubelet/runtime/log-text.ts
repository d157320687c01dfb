/** The texts of the last lines of a log in CRI's format (`time stream P|F text`), joined and cut at the front. */
export function lastLogText(log: string, maxLines: number, maxBytes: number): string {
  const lines = log.split('\n').filter((line) => line !== '');
  const text = lines
    .slice(-maxLines)
    .map((line) => {
      const [, , tag, ...rest] = line.split(' ');
      return tag === undefined ? '' : rest.join(' ') + (tag.startsWith('P') ? '' : '\n');
    })
    .join('');
  const bytes = new TextEncoder().encode(text);
  return bytes.length <= maxBytes ? text : new TextDecoder().decode(bytes.slice(-maxBytes));
}
