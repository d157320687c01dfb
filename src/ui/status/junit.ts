type Finding = {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
  readonly next: readonly string[];
};

export type JunitResult = {readonly name: string; readonly category: string} & (
  | {readonly state: 'ok'}
  | {readonly state: 'found'; readonly findings: readonly Finding[]}
  | {readonly state: 'skipped'; readonly because: string; readonly code: string}
  | {readonly state: 'unseen'; readonly why: string}
);

/** Each check as a test case: errors are failures, warnings are text, what could not be looked at is skipped. */
export function junitText(results: readonly JunitResult[]): string {
  const failures = results.filter(isFailure).length;
  const skipped = results.filter(({state}) => state === 'skipped' || state === 'unseen').length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="nodectl status" tests="${results.length}" failures="${failures}" errors="0" skipped="${skipped}">`,
    ...results.map(testCase),
    '</testsuite>',
  ].join('\n');
}

function isFailure(result: JunitResult): boolean {
  return result.state === 'found' && result.findings.some(({severity}) => severity === 'error');
}

function testCase(result: JunitResult): string {
  const head = `  <testcase classname="${escaped(result.category)}" name="${escaped(result.name)}"`;
  const inner = details(result);
  return inner === '' ? `${head}/>` : `${head}>${inner}</testcase>`;
}

function details(result: JunitResult): string {
  switch (result.state) {
    case 'ok':
      return '';
    case 'skipped':
      return `<skipped message="because of ${escaped(result.code)}"/>`;
    case 'unseen':
      return `<skipped message="${escaped(result.why)}"/>`;
    case 'found':
      return result.findings.map(found).join('');
  }
}

function found({code, severity, message, next}: Finding): string {
  const text = escaped([`${code} ${message}`, ...next.map((step) => `try: ${step}`)].join('\n'));
  if (severity !== 'error') return `<system-out>${text}</system-out>`;
  return `<failure type="${code}" message="${escaped(message.split('\n')[0] ?? '')}">${text}</failure>`;
}

const entities: Readonly<Record<string, string>> = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'};

/** What XML 1.0 has no place for (production Char), and the other control characters. */
const foreign = /[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (char) => entities[char] ?? char).replace(foreign, ' ');
}
