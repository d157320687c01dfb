import {meets, type Requirement} from '../../../lib/labels.ts';
import type {Obj} from '../../contract.ts';
import type {Definition} from '../../resources/definition.ts';
import {badRequest} from '../../status.ts';

export type Matcher = (object: Obj) => boolean;

type Term = {readonly field: string; readonly equals: boolean; readonly value: string};

/** Label and field selector of a request as one test; undefined when it asks for everything. */
export function matcher(definition: Definition, query: URLSearchParams): Matcher | undefined {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '').map((term) => ({
    term,
    read: reader(definition, term.field),
  }));
  if (labels.length === 0 && fields.length === 0) return undefined;
  return (object) =>
    fields.every(({term, read}) => (read(object) === term.value) === term.equals) &&
    labels.every((requirement) => meets(object.metadata.labels ?? {}, requirement));
}

function reader(definition: Definition, field: string): (object: Obj) => string {
  if (field === 'metadata.name') return (object) => object.metadata.name;
  if (field === 'metadata.namespace' && definition.resource.namespaced)
    return (object) => object.metadata.namespace ?? '';
  const read = Object.hasOwn(definition.selectable, field) ? definition.selectable[field] : undefined;
  if (read === undefined) throw badRequest(`field label not supported: ${field}`);
  return read;
}

/** The value that a field selector demands for a field with `=`, as the node authorizer asks. */
export function demanded(selector: string, field: string): string | undefined {
  return parseFieldSelector(selector).find((term) => term.equals && term.field === field)?.value;
}

function parseFieldSelector(text: string): Term[] {
  if (text.trim() === '') return [];
  return text.split(/(?<!\\),/).map((part) => {
    const match = /^\s*([^=!\s]+)\s*(!=|==|=)(.*)$/s.exec(part);
    if (match === null) throw badRequest(`invalid field selector: ${text}`);
    const [, field = '', operator, value = ''] = match;
    return {field, equals: operator !== '!=', value: value.replace(/\\([,=\\])/g, '$1')};
  });
}

const setPattern = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/;
const equalityPattern = /^([^\s=!<>]+)\s*(==|=|!=|<|>)\s*(\S*)$/;

function parseLabelSelector(text: string): Requirement[] {
  if (text.trim() === '') return [];
  return splitOutsideParentheses(text).map((part) => parseRequirement(part.trim(), text));
}

function parseRequirement(part: string, whole: string): Requirement {
  const set = setPattern.exec(part);
  if (set !== null) {
    const [, key = '', operator, values = ''] = set;
    const list = values.split(',').map((value) => value.trim());
    return {key, operator: operator === 'in' ? 'In' : 'NotIn', values: list};
  }
  const equality = equalityPattern.exec(part);
  if (equality !== null) {
    const [, key = '', sign = '', value = ''] = equality;
    const operators = {'=': 'In', '==': 'In', '!=': 'NotIn', '<': 'Lt', '>': 'Gt'} as const;
    return {key, operator: isSign(sign) ? operators[sign] : 'In', values: [value]};
  }
  const existence = /^(!?)\s*([A-Za-z0-9][A-Za-z0-9._/-]*)$/.exec(part);
  if (existence === null) throw badRequest(`unable to parse requirement: ${whole}`);
  return {key: existence[2] ?? '', operator: existence[1] === '!' ? 'DoesNotExist' : 'Exists', values: []};
}

function isSign(text: string): text is '=' | '==' | '!=' | '<' | '>' {
  return ['=', '==', '!=', '<', '>'].includes(text);
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = [];
  let [depth, from] = [0, 0];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return [...parts, text.slice(from)];
}
