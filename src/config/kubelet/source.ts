import {posix} from 'node:path';
import {isMap, isNode, LineCounter, parseDocument} from 'yaml';
import type * as z from 'zod/mini';
import {NodectlError} from '../../lib/errors.ts';
import {kubeletConfiguration} from './schema.ts';

/** A configuration file as it was read. */
export type Source = {readonly path: string; readonly text: string};

export type ReadSource = {readonly value: Readonly<Record<string, unknown>>};

/** Far above any real configuration; keeps a mistaken path (a log, a disk image) from being parsed. */
const maxBytes = 1024 * 1024;

/** Paths that the kubelet takes relative to the file that holds them (kubeletconfig.KubeletConfigurationPathRefs). */
const pathFields: readonly (readonly string[])[] = [
  ['staticPodPath'],
  ['authentication', 'x509', 'clientCAFile'],
  ['tlsCertFile'],
  ['tlsPrivateKeyFile'],
  ['resolvConf'],
  ['volumePluginDir'],
  ['podLogsDir'],
];

/**
 * Parses one file and checks it by itself, so that each complaint has a line and a column.
 * @throws NodectlError ND701
 */
export function readSource({path, text}: Source): ReadSource {
  if (text.length > maxBytes) throw new NodectlError('ND701', `${path}: larger than ${maxBytes} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, {lineCounter: lines, prettyErrors: false});
  const at = (offset: number): string => {
    const {line, col} = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  if (document.errors.length > 0)
    throw new NodectlError('ND701', document.errors.map((e) => `${at(e.pos[0])}: ${e.message}`).join('\n'));
  const value = withoutNulls(document.toJS({maxAliasCount: 100}) ?? {});
  const parsed = kubeletConfiguration.safeParse(value);
  if (!parsed.success)
    throw new NodectlError(
      'ND701',
      parsed.error.issues
        .flatMap(complaints)
        .map(({where, what}) => `${at(offsetOf(document.contents, where))}: ${where.join('.')}: ${what}`)
        .join('\n'),
    );
  return {value: withAbsolutePaths(value, posix.dirname(posix.resolve(path)))};
}

type Complaint = {readonly where: readonly PropertyKey[]; readonly what: string};

function complaints(issue: z.core.$ZodIssue): Complaint[] {
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
    } else if (isNode(at) && 'items' in at && Array.isArray(at.items)) {
      at = at.items[Number(step)];
      offset = isNode(at) ? (at.range?.[0] ?? offset) : offset;
    } else return offset;
  }
  return offset;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Go reads an explicit null as "not given". */
function withoutNulls(value: unknown): Record<string, unknown> {
  if (!isRecord(value)) throw new NodectlError('ND701', 'the configuration is not a map of fields');
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key, isRecord(item) ? withoutNulls(item) : item]),
  );
}

function withAbsolutePaths(value: Record<string, unknown>, directory: string): Record<string, unknown> {
  return pathFields.reduce((result, path) => absolute(result, path, directory), value);
}

function absolute(
  value: Record<string, unknown>,
  path: readonly string[],
  directory: string,
): Record<string, unknown> {
  const [first = '', ...rest] = path;
  const inner = value[first];
  if (rest.length > 0) return isRecord(inner) ? {...value, [first]: absolute(inner, rest, directory)} : value;
  if (typeof inner !== 'string' || inner === '' || posix.isAbsolute(inner)) return value;
  return {...value, [first]: posix.join(directory, inner)};
}
