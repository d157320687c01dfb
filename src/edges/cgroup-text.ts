export type Numbers = Readonly<Record<string, number>>;

/** Lines of a name and a number, as most statistics of a cgroup are written. */
export function parseFlat(text = ''): Numbers {
  const values: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf(' ');
    if (at > 0) values[line.slice(0, at)] = Number(line.slice(at + 1));
  }
  return values;
}

/** Numbers between white space; what is none (`max`) is left out. */
export function parseNumbers(text = ''): number[] {
  return text
    .split(/\s+/)
    .filter((word) => /^-?\d+$/.test(word))
    .map(Number);
}
