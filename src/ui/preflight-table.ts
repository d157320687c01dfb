import {styleText} from 'node:util';
import {printable} from '../lib/text/printable.ts';
import {step, wrap} from './wrap.ts';

type Check =
  | {readonly name: string; readonly state: 'ok'}
  | {readonly name: string; readonly state: 'skipped'; readonly because: string}
  | {readonly name: string; readonly state: 'unseen'; readonly why: string}
  | {
      readonly name: string;
      readonly state: 'found';
      readonly findings: readonly {
        readonly code: string;
        readonly severity: 'error' | 'warning';
        readonly message: string;
        readonly next: readonly string[];
      }[];
    };

const labelWidth = 9;
const indent = ' '.repeat(labelWidth);

/** One line per check, and below it what was found and what to type; the verdict last, where a terminal stops. */
export function preflightTable(checks: readonly Check[], width: number): string {
  const errors = checks.flatMap((check) =>
    check.state === 'found' ? check.findings.filter(({severity}) => severity === 'error') : [],
  );
  const verdict =
    errors.length === 0
      ? styleText('green', 'nothing stands in the way of a join')
      : styleText(
          'red',
          `${errors.length} ${errors.length === 1 ? 'error stands' : 'errors stand'} in the way of a join`,
        );
  return [...checks.flatMap((check) => lines(check, width)), '', verdict].join('\n');
}

function lines(check: Check, width: number): string[] {
  switch (check.state) {
    case 'ok':
      return labelled('green', 'ok', check.name, width);
    case 'skipped':
      return labelled('dim', 'skipped', `${check.name} (because of ${check.because})`, width);
    case 'unseen':
      return labelled('yellow', 'unseen', `${check.name}: ${check.why}`, width);
    case 'found':
      return check.findings.flatMap(({code, severity, message, next}) => [
        ...labelled(
          severity === 'error' ? 'red' : 'yellow',
          severity,
          `${check.name}: ${code} ${printable(message)}`,
          width,
        ),
        ...next.flatMap((text, at) => step(at === 0 ? 'try: ' : 'or: ', text, `${indent}  `, width)),
      ]);
  }
}

function labelled(
  color: 'green' | 'dim' | 'yellow' | 'red',
  label: string,
  text: string,
  width: number,
): string[] {
  const [first = '', ...more] = wrap(text, indent, width);
  return [`${styleText(color, label.padEnd(labelWidth))}${first.slice(labelWidth)}`, ...more];
}
