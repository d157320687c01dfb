type Line = {readonly sign: ' ' | '-' | '+'; readonly text: string};

const context = 2;
/** Beyond this a table of all pairs costs more than anybody reads: the whole is shown as replaced. */
const mostPairs = 4_000_000;

/** The difference of two texts, line by line, with a little of what is around it; '' when they are equal. */
export function lineDiff(before: string, after: string): string {
  if (before === after) return '';
  const lines = edits(splitLines(before), splitLines(after));
  const shown = lines.map((_, at) =>
    lines.slice(Math.max(0, at - context), at + context + 1).some(({sign}) => sign !== ' '),
  );
  return lines
    .flatMap(({sign, text}, at) => {
      if (!shown[at]) return shown[at - 1] === true ? ['…'] : [];
      return [`${sign}${text}`];
    })
    .join('\n');
}

function splitLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The longest common subsequence, walked from the front. */
function edits(a: readonly string[], b: readonly string[]): Line[] {
  const removed = a.map((text): Line => ({sign: '-', text}));
  const added = b.map((text): Line => ({sign: '+', text}));
  if (a.length * b.length > mostPairs) return [...removed, ...added];
  const width = b.length + 1;
  const length = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => length[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      lines.push({sign: ' ', text: a[i] ?? ''});
      i++;
      j++;
    } else if (at(i + 1, j) >= at(i, j + 1)) lines.push({sign: '-', text: a[i++] ?? ''});
    else lines.push({sign: '+', text: b[j++] ?? ''});
  }
  return [...lines, ...removed.slice(i), ...added.slice(j)];
}
