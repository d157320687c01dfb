import {isMap, isNode, isSeq, LineCounter, parseDocument} from 'yaml';
import type * as z from 'zod/mini';
import {NodectlError} from '../../lib/errors.ts';
import {type KubeProxyConfiguration, kubeProxyConfiguration} from './schema.ts';

/** A configuration file as it was read. */
export type Source = {readonly path: string; readonly text: string};

/** Far above any real configuration; keeps a mistaken path (a log, a disk image) from being parsed. */
const maxBytes = 1024 * 1024;

/**
 * Parses a KubeProxyConfiguration; each complaint has a line and a column.
 * @throws NodectlError ND711
 */
export function readConfiguration({path, text}: Source): KubeProxyConfiguration {
  if (text.length > maxBytes) throw new NodectlError('ND711', `${path}: larger than ${maxBytes} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, {lineCounter: lines, prettyErrors: false});
  const at = (offset: number): string => {
    const {line, col} = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  if (document.errors.length > 0)
    throw new NodectlError('ND711', document.errors.map((e) => `${at(e.pos[0])}: ${e.message}`).join('\n'));
  const parsed = kubeProxyConfiguration.safeParse(withoutNulls(document.toJS({maxAliasCount: 100}) ?? {}));
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues
    .flatMap(complaintsOf)
    .map(({where, what}) => `${at(offsetOf(document.contents, where))}: ${where.join('.')}: ${what}`);
  throw new NodectlError('ND711', complaints.join('\n'));
}

type Complaint = {readonly where: readonly PropertyKey[]; readonly what: string};

function complaintsOf(issue: z.core.$ZodIssue): Complaint[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({where: [...issue.path, key], what: 'unknown field'}));
  return [{where: issue.path, what: issue.message}];
}

/** The offset of the deepest part of `path` that the document has; keys are preferred to values. */
function offsetOf(contents: unknown, path: readonly PropertyKey[]): number {
  let offset = isNode(contents) ? (contents.range?.[0] ?? 0) : 0;
  let at: unknown = contents;
  for (const step of path) {
    if (isMap(at)) {
      const pair = at.items.find((item) => String(item.key) === String(step));
      if (pair === undefined) return offset;
      offset = isNode(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
      at = pair.value;
    } else if (isSeq(at)) {
      at = at.items[Number(step)];
      offset = isNode(at) ? (at.range?.[0] ?? offset) : offset;
    } else return offset;
  }
  return offset;
}

/** Go reads an explicit null as "not given"; kubeadm writes many of them. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key, withoutNulls(item)]),
  );
}
