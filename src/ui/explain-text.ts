import {styleText} from 'node:util';
import {type Entry, exits} from '../lib/codes/entry.ts';
import {wrap} from './wrap.ts';

type Seen = {readonly check: string; readonly category: string; readonly looks: string};

/** What a code means, why it happens, how it was seen, and what to type. */
export function explainText(code: string, entry: Entry, seen: readonly Seen[], width: number): string {
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0
      ? []
      : ['', styleText('bold', title), ...lines.flatMap((line) => wrap(line, '  ', width))];
  return [
    styleText('bold', `${code}  ${entry.title}`),
    ...section('Why', [entry.why]),
    ...section(
      'How it is seen',
      seen.map(({check, category, looks}) => `${check} (${category})${looks === '' ? '' : ` ${looks}`}`),
    ),
    ...section('What to do', entry.fix),
    ...section('Exit code', [`${exits[entry.exit]} (${entry.exit})`]),
  ].join('\n');
}
