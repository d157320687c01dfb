import {describe, expect, it} from 'vitest';
import type {CheckResult} from '../../../src/checks/graph.ts';
import {unseenNode} from '../../../src/checks/node/summary.ts';
import {statusOutput} from '../../../src/ui/status/status-output.ts';
import {parseExposition} from './exposition.ts';
import {parseXml} from './xml.ts';

/** Words as they come from outside: quotes, backslashes, line ends, control characters, other scripts. */
const nasty =
  'a "quoted" \\ back\\slash <tag> & \'more\'\nnext ]]> line\r\n\u0000\u001b[31m\ufffe\ud800 ☃ 😀';

const checks: readonly CheckResult[] = [
  {name: 'Well', category: 'host', state: 'ok'},
  {
    name: 'Twice',
    category: 'runtime',
    state: 'found',
    findings: [
      {code: 'ND501', severity: 'error', message: nasty, next: [nasty]},
      {code: 'ND501', severity: 'error', message: 'the same code again', next: []},
      {code: 'ND512', severity: 'warning', message: 'a warning', next: ['kill 1']},
    ],
  },
  {name: 'Skipped', category: 'pods', state: 'skipped', because: 'Twice', code: 'ND501'},
  {name: 'Unseen', category: 'proxy', state: 'unseen', why: nasty},
];
const node = {
  ...unseenNode,
  certificateDays: -3,
  leaseSeconds: 0,
  pods: {running: 100, waiting: 0, ended: 1},
  dataPlane: {plane: 'nftables', ports: 10_004},
};
const [, twice] = checks;
const cause = {...(twice?.state === 'found' ? twice.findings[0] : undefined)};

async function output(form: 'prometheus' | 'junit', whole = true): Promise<string> {
  const {code = 'ND501', severity = 'error', message = '', next = []} = cause;
  const report = {
    state: 'failed' as const,
    cause: {code, severity, message, next, check: 'Twice'},
    checks,
    node,
  };
  return statusOutput(form, report, {}, whole);
}

describe('the Prometheus form', () => {
  it('is what the format’s specification says, with each sample once', async () => {
    const families = parseExposition(`${await output('prometheus')}\n`);
    expect(families.map(({name, type, samples}) => [name, type, samples.length])).toEqual([
      ['nodectl_healthy', 'gauge', 1],
      ['nodectl_finding', 'gauge', 2],
      ['nodectl_check_state', 'gauge', 4],
      ['nodectl_certificate_days', 'gauge', 1],
      ['nodectl_lease_age_seconds', 'gauge', 1],
      ['nodectl_service_ports', 'gauge', 1],
      ['nodectl_pods', 'gauge', 3],
    ]);
    expect(families[1]?.samples[0]).toEqual({
      labels: {code: 'ND501', severity: 'error', check: 'Twice', category: 'runtime'},
      value: 2,
    });
    expect(families[3]?.samples).toEqual([{labels: {}, value: -3}]);
  });
});

describe('the JUnit form', () => {
  it('is well-formed XML, whatever the findings say', async () => {
    const suite = parseXml(await output('junit'));
    expect(suite).toMatchObject({
      name: 'testsuite',
      attributes: {tests: '4', failures: '1', errors: '0', skipped: '2'},
    });
    expect(suite.children.map(({name, attributes}) => [name, attributes.classname, attributes.name])).toEqual(
      [
        ['testcase', 'host', 'Well'],
        ['testcase', 'runtime', 'Twice'],
        ['testcase', 'pods', 'Skipped'],
        ['testcase', 'proxy', 'Unseen'],
      ],
    );
    const [first] = suite.children[1]?.children ?? [];
    expect(first).toMatchObject({name: 'failure', attributes: {type: 'ND501'}});
    expect(first?.text).toContain('a "quoted" \\ back\\slash <tag> & \'more\'\nnext ]]> line');
    expect(first?.text).toContain('☃ 😀');
  });
});

describe('the parsers of these tests', () => {
  it.each([
    ['a sample before its TYPE', 'a 1\n# TYPE a gauge\n'],
    ['two TYPEs', '# TYPE a gauge\n# TYPE a gauge\na 1\n'],
    ['two HELPs', '# HELP a x\n# HELP a x\na 1\n'],
    ['a family in two groups', '# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\na{x="y"} 1\n'],
    ['the same sample twice', '# TYPE a gauge\na{x="y"} 1\na{x="y"} 2\n'],
    ['a label twice', '# TYPE a gauge\na{x="y",x="z"} 1\n'],
    ['an unknown escape', '# TYPE a gauge\na{x="\\t"} 1\n'],
    ['no number', '# TYPE a gauge\na one\n'],
    ['no line end at its end', '# TYPE a gauge\na 1'],
  ])('refuse %s', (_, text) => {
    expect(() => parseExposition(text)).toThrow();
  });
  it.each([
    ['an end without its beginning', '<a></b>'],
    ['an attribute twice', '<a x="1" x="2"/>'],
    ['an open element', '<a><b></a>'],
    ['a bare ampersand', '<a>x & y</a>'],
    ['a bare bracket in an attribute', '<a x="<"/>'],
    ['a control character', '<a>\u0001</a>'],
    ['the end of a CDATA section', '<a>]]></a>'],
    ['two roots', '<a/><b/>'],
  ])('refuse %s', (_, text) => {
    expect(() => parseXml(text)).toThrow();
  });
});
