import {copy, equal, isObject, type JsonObject, textAt} from '../json.ts';
import {badRequest, StatusError} from '../status.ts';

const rejected = (why: string) =>
  new StatusError(422, 'Invalid', `the server rejected our request due to an error in our request: ${why}`);

/** JSON patch (RFC 6902): all operations or none. */
export function jsonPatch(original: JsonObject, operations: unknown): unknown {
  if (!Array.isArray(operations)) throw badRequest('a JSON patch is a list of operations');
  if (operations.length > 10_000)
    throw new StatusError(
      413,
      'RequestEntityTooLarge',
      'The allowed maximum operations in a JSON patch is 10000',
    );
  const root: {document: unknown} = {document: copy(original)};
  for (const operation of operations) perform(root, operation);
  return root.document;
}

function perform(root: JsonObject, operation: unknown): void {
  const path = pointer(operation, 'path');
  const value = () => copy((isObject(operation) ? operation.value : undefined) ?? null);
  const from = () => pointer(operation, 'from');
  switch (textAt(operation, 'op')) {
    case 'add':
      add(root, path, value());
      break;
    case 'remove':
      remove(root, path);
      break;
    case 'replace':
      required(root, path);
      put(root, path, value());
      break;
    case 'test':
      if (!equal(read(root, path) ?? null, value()))
        throw rejected(`testing value ${path.slice(1).join('/')} failed`);
      break;
    case 'copy':
      add(root, path, copy(required(root, from())));
      break;
    case 'move': {
      const moved = required(root, from());
      remove(root, from());
      add(root, path, moved);
      break;
    }
    default:
      throw badRequest(`unexpected JSON patch operation: ${textAt(operation, 'op')}`);
  }
}

/** Steps of a JSON pointer below `document`. */
function pointer(operation: unknown, field: string): string[] {
  const text = textAt(operation, field);
  if (text === undefined || (text !== '' && !text.startsWith('/')))
    throw badRequest(`JSON patch: ${field} must be a JSON pointer`);
  const steps = text === '' ? [] : text.slice(1).split('/');
  return ['document', ...steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))];
}

function read(root: JsonObject, path: readonly string[]): unknown {
  let here: unknown = root;
  for (const step of path) {
    if (Array.isArray(here)) here = here[index(step, here.length - 1)];
    else if (isObject(here) && Object.hasOwn(here, step)) here = here[step];
    else return undefined;
  }
  return here;
}

function required(root: JsonObject, path: readonly string[]): unknown {
  const found = read(root, path);
  if (found === undefined) throw rejected(`missing path: ${path.slice(1).join('/')}`);
  return found;
}

function index(step: string, last: number): number {
  const number = /^-?\d+$/.test(step) ? Number(step) : Number.NaN;
  const at = number < 0 ? last + 1 + number : number;
  if (Number.isNaN(at) || at < 0 || at > last) throw rejected(`invalid index: ${step}`);
  return at;
}

function add(root: JsonObject, path: readonly string[], value: unknown): void {
  const parent = required(root, path.slice(0, -1));
  const step = path.at(-1) ?? '';
  if (Array.isArray(parent))
    parent.splice(step === '-' ? parent.length : index(step, parent.length), 0, value);
  else if (isObject(parent)) parent[step] = value;
  else throw rejected(`no container for ${step}`);
}

function put(root: JsonObject, path: readonly string[], value: unknown): void {
  const parent = required(root, path.slice(0, -1));
  const step = path.at(-1) ?? '';
  if (Array.isArray(parent)) parent[index(step, parent.length - 1)] = value;
  else if (isObject(parent)) parent[step] = value;
}

function remove(root: JsonObject, path: readonly string[]): void {
  const parent = required(root, path.slice(0, -1));
  const step = path.at(-1) ?? '';
  if (Array.isArray(parent)) parent.splice(index(step, parent.length - 1), 1);
  else if (isObject(parent) && Object.hasOwn(parent, step)) delete parent[step];
  else throw rejected(`unable to remove nonexistent key: ${step}`);
}
