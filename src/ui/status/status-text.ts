import {styleText} from 'node:util';
import type {CheckState, Finding, NodeSummary} from '../../lib/node-report.ts';
import {printable} from '../../lib/text/printable.ts';
import {step, wrap} from '../wrap.ts';
import {nodeScreen} from './status-screen.ts';

type Result = {readonly name: string} & CheckState;

export type StatusView = {
  readonly state: 'healthy' | 'warnings' | 'failed';
  readonly cause: Finding | undefined;
  readonly checks: readonly Result[];
  /** Undefined when only some checks were asked for. */
  readonly node: NodeSummary | undefined;
  /** The catalogue's steps by code, for findings that have none of their own. */
  readonly fixes: Readonly<Record<string, readonly string[]>>;
};

/** The root of the trouble and what to type; then the rest, shortly. A node without errors gets its screen. */
export function statusText(view: StatusView, width: number): string {
  const {state, cause, checks, node} = view;
  const found = checks.flatMap((result) => (result.state === 'found' ? result.findings : []));
  const head =
    cause === undefined
      ? state === 'healthy'
        ? [styleText('green', healthy(node))]
        : [styleText('yellow', 'nothing wrong was found, but not everything could be seen')]
      : finding(cause, view, width);
  const others = found
    .filter((other) => other !== cause && !isCause(other, cause))
    .flatMap((other) => ['', ...finding(other, view, width)]);
  const screen = state === 'failed' || node === undefined ? [] : ['', ...nodeScreen(node, width)];
  const unseen = unseenLines(checks, width);
  // Where nothing else is told, what was not seen is the news.
  const [early, late] = cause === undefined ? [unseen, []] : [[], unseen];
  return [...head, ...early, ...others, ...screen, ...skippedLines(checks, width), ...late].join('\n');
}

function healthy(node: NodeSummary | undefined): string {
  return node === undefined
    ? 'healthy: these checks found nothing'
    : `healthy: node ${node.name ?? ''} has nothing wrong`;
}

function isCause(finding: Finding, cause: Finding | undefined): boolean {
  return cause !== undefined && finding.code === cause.code && finding.message === cause.message;
}

/** One line when it fits: what is wrong, and what to type. */
function finding({code, severity, message, next}: Finding, {fixes}: StatusView, width: number): string[] {
  const [what = '', ...details] = printable(message).split('\n');
  const [first = '', ...more] = next.length > 0 ? next : (fixes[code] ?? []);
  const color = severity === 'error' ? 'red' : 'yellow';
  const colored = styleText([color, 'bold'], code);
  const fits = code.length + what.length + first.length + 3 <= width;
  const [start = '', ...rest] = wrap(what, ' '.repeat(code.length + 1), width);
  const head = fits
    ? [`${colored} ${what}: ${styleText('bold', first)}`]
    : [`${colored}${start.slice(code.length)}`, ...rest, ...step('try: ', first, '  ', width)];
  return [
    ...head,
    ...details.flatMap((line) => wrap(line, '  ', width)),
    ...more.flatMap((other) => step('or: ', other, '  ', width)),
    styleText('dim', `  more: nodectl explain ${code}`),
  ];
}

function skippedLines(checks: readonly Result[], width: number): string[] {
  const byCode = new Map<string, string[]>();
  for (const check of checks)
    if (check.state === 'skipped') byCode.set(check.code, [...(byCode.get(check.code) ?? []), check.name]);
  return [...byCode].flatMap(([code, names]) => [
    '',
    ...wrap(`skipped because of ${code}: ${names.join(', ')}`, '', width).map((l) => styleText('dim', l)),
  ]);
}

/** Several that fail for one reason are one paragraph. */
function unseenLines(checks: readonly Result[], width: number): string[] {
  const byReason = new Map<string, string[]>();
  for (const check of checks)
    if (check.state === 'unseen') {
      const why = /EACCES|EPERM|not permitted/.test(check.why)
        ? 'only root may look'
        : (check.why.split('\n')[0] ?? '');
      byReason.set(why, [...(byReason.get(why) ?? []), check.name]);
    }
  return [...byReason].flatMap(([why, names]) => [
    '',
    ...wrap(`not seen: ${names.join(', ')} (${why})`, '', width),
  ]);
}
