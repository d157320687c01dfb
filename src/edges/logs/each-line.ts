import {Writable} from 'node:stream';
import {StringDecoder} from 'node:string_decoder';

/** Whole lines of what comes in pieces, changed by `change`, or left out where it answers undefined. */
export function eachLine(out: Writable, change: (line: string) => string | undefined): Writable {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const tell = (lines: readonly string[]) =>
    out.write(
      lines
        .map(change)
        .flatMap((line) => (line === undefined ? [] : [`${line}\n`]))
        .join(''),
    );
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      tell(lines);
      done();
    },
    final(done) {
      if (rest !== '') tell([rest]);
      done();
    },
  });
}
