const clear = '\u001b[2J\u001b[3J\u001b[H';

/** Shows texts one after the other: on a terminal in place, elsewhere each when it differs from the last. */
export function watchScreen(out: NodeJS.WriteStream = process.stdout): (text: string) => void {
  let last = '';
  return (text) => {
    if (out.isTTY) out.write(`${clear}${text}\n`);
    else if (text !== last) out.write(`${text}\n\n`);
    last = text;
  };
}
