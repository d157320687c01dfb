import {isMap, isNode, isSeq, LineCounter, parseDocument, type Tags, type YAMLParseError} from 'yaml';
import type * as z from 'zod/mini';
import type {Code} from '../lib/codes/catalogue.ts';
import {NodectlError} from '../lib/errors.ts';

/** A configuration file as it was read. */
export type Source = {readonly path: string; readonly text: string};

/**
 * YAML as Kubernetes reads it (go.yaml.in v2): 1.1, where yes, no, on and off are booleans and `<<` merges, but without
 * times and numbers to the base of 60.
 */
export const kubernetesYaml = {
  version: '1.1',
  customTags: (tags: Tags): Tags =>
    tags.filter(
      (tag) =>
        typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:timestamp' && tag.format !== 'TIME'),
    ),
} as const;

/** Far above any real configuration; keeps a mistaken path (a log, a disk image) from being parsed. */
const maxBytes = 1024 * 1024;

export type ReadDocument<T> = {
  /** What the file says, without explicit nulls and without defaults. */
  readonly value: Readonly<Record<string, unknown>>;
  /** The fields that it says null of. */
  readonly nulls: readonly (readonly string[])[];
  readonly data: T;
};

/**
 * Parses one YAML document and checks it by a schema, so that each complaint has a line and a column. Unknown fields
 * and fields that are given twice are refused, or told to `tell`: then the one is left out, of the other the last
 * counts (Kubernetes' lenient decoding).
 * @throws NodectlError `code`
 */
export function readDocument<T>(
  {path, text}: Source,
  schema: z.ZodMiniType<T>,
  code: Code,
  tell?: (complaint: string) => void,
): ReadDocument<T> {
  if (text.length > maxBytes) throw new NodectlError(code, `${path}: larger than ${maxBytes} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, {...kubernetesYaml, lineCounter: lines, prettyErrors: false});
  const at = (offset: number): string => {
    const {line, col} = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const isTwice = ({code}: YAMLParseError): boolean => tell !== undefined && code === 'DUPLICATE_KEY';
  const errors = document.errors.filter((error) => !isTwice(error));
  if (errors.length > 0)
    throw new NodectlError(code, errors.map((e) => `${at(e.pos[0])}: ${e.message}`).join('\n'));
  for (const {pos} of document.errors) tell?.(`${at(pos[0])}: is given twice; the last one counts`);
  const raw: unknown = document.toJS({maxAliasCount: 100}) ?? {};
  const value = withoutNulls(raw);
  if (!isRecord(value)) throw new NodectlError(code, `${path}: is not a map of fields`);
  const said = ({where, what}: Complaint) =>
    `${at(offsetOf(document.contents, where))}: ${where.join('.')}: ${what}`;
  let parsed = schema.safeParse(value);
  if (!parsed.success && tell !== undefined) {
    for (const complaint of parsed.error.issues.filter(isUnknown).flatMap(complaintsOf)) {
      leaveOut(value, complaint.where);
      tell(said(complaint));
    }
    parsed = schema.safeParse(value);
  }
  if (parsed.success) return {value, data: parsed.data, nulls: nullsOf(raw)};
  throw new NodectlError(code, parsed.error.issues.flatMap(complaintsOf).map(said).join('\n'));
}

function isUnknown(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'unrecognized_keys';
}

function leaveOut(value: Record<string, unknown>, path: readonly PropertyKey[]): void {
  let at: unknown = value;
  for (const step of path.slice(0, -1)) {
    if (Array.isArray(at)) at = at[Number(step)];
    else if (isRecord(at)) at = at[String(step)];
  }
  if (isRecord(at)) delete at[String(path.at(-1))];
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

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nullsOf(value: unknown): string[][] {
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    item === null ? [[key]] : nullsOf(item).map((path) => [key, ...path]),
  );
}

/** Go reads an explicit null as "not given"; kubeadm writes many of them. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key, withoutNulls(item)]),
  );
}
