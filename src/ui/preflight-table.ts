import {styleText} from 'node:util';

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

/** One line per check, and below it what was found and what to type. */
export function preflightTable(checks: readonly Check[]): string {
  return checks.flatMap(lines).join('\n');
}

function lines(check: Check): string[] {
  switch (check.state) {
    case 'ok':
      return [`${styleText('green', 'ok')}       ${check.name}`];
    case 'skipped':
      return [`${styleText('dim', 'skipped')}  ${check.name} (because of ${check.because})`];
    case 'unseen':
      return [`${styleText('yellow', 'unseen')}   ${check.name}: ${check.why}`];
    case 'found':
      return check.findings.flatMap(({code, severity, message, next}) => [
        `${styleText(severity === 'error' ? 'red' : 'yellow', severity.padEnd(7))}  ${check.name}: ${code} ${message}`,
        ...next.map((step) => `           try: ${step}`),
      ]);
  }
}
