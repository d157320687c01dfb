const mark = '# off by nodectl: ';

/** fstab(5) without its swap: lines are commented out, so that a person sees what was there. */
export function withoutSwap(fstab: string): string {
  return fstab
    .split('\n')
    .map((line) => (isSwap(line) ? mark + line : line))
    .join('\n');
}

function isSwap(line: string): boolean {
  const [first = '#', , type] = line.trim().split(/\s+/);
  return !first.startsWith('#') && type === 'swap';
}
