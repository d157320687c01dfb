/** Text broken at spaces to a width; lines after the first of a paragraph are indented with it. */
export function wrap(text: string, indent: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = indent;
    for (const word of paragraph.split(' ')) {
      if (line.trim() !== '' && line.length + word.length + 1 > width) {
        lines.push(line);
        line = indent;
      }
      line += line.trim() === '' ? word : ` ${word}`;
    }
    return [...lines, line];
  });
}

/** A step to take: prose is wrapped, a command stays one line, to be copied as it is. */
export function step(label: string, text: string, indent: string, width: number): string[] {
  return /^[a-z]/.test(text) ? [`${indent}${label}${text}`] : wrap(`${label}${text}`, indent, width);
}

const usualWidth = 80;

/** As wide as the terminal, but never wider than can be read well; serial consoles say that they have 0 columns. */
export function terminalWidth({columns}: {readonly columns?: number} = process.stdout): number {
  return columns === undefined || columns < 40 ? usualWidth : Math.min(columns, 100);
}
