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

/** As wide as the terminal, but never wider than can be read well. */
export function terminalWidth(out: NodeJS.WriteStream = process.stdout): number {
  return Math.min(out.columns ?? 80, 100);
}
