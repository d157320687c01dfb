import {isRecord} from '../document.ts';

type Fields = Record<string, unknown>;

/** Where a pointer leads: what holds the value, and the value's name there. A list's own end exists to be added to. */
type Spot =
  | {readonly in: 'map'; readonly holder: Fields; readonly name: string}
  | {readonly in: 'list'; readonly holder: unknown[]; readonly at: number};

/**
 * A JSON patch (RFC 6902) done to a copy of a document.
 * @throws Error that names the first operation which does not apply
 */
export function jsonPatch(document: Readonly<Fields>, patch: unknown): Fields {
  if (!Array.isArray(patch)) throw new Error('is not a list of operations');
  // The document's root is a value like any other, with the empty pointer.
  const root: Fields = {'': structuredClone(document)};
  for (const operation of patch) {
    const fields: Fields = isRecord(operation) ? operation : {};
    try {
      perform(root, fields);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`${String(fields.op)} ${String(fields.path)}: ${why}`);
    }
  }
  const {'': result} = root;
  if (!isRecord(result)) throw new Error('leaves no map of fields');
  return result;
}

function perform(root: Fields, {op, path, from, value}: Fields): void {
  switch (op) {
    case 'add':
      put(root, path, value);
      return;
    case 'remove':
      take(root, path);
      return;
    case 'replace':
      take(root, path);
      put(root, path, value);
      return;
    case 'move':
      if (String(path).startsWith(`${String(from)}/`))
        throw new Error(`${String(from)} cannot go into itself`);
      put(root, path, take(root, from));
      return;
    case 'copy':
      put(root, path, read(find(root, from)));
      return;
    case 'test':
      if (!isSame(read(find(root, path)), value)) throw new Error('the value is another');
      return;
    default:
      throw new Error('is no operation of RFC 6902');
  }
}

/** RFC 6901: `/` parts names, `~1` is a slash in one and `~0` a tilde. */
function find(root: Fields, pointer: unknown): Spot {
  if (typeof pointer !== 'string' || !/^(\/|$)/.test(pointer))
    throw new Error('its pointer does not begin with /');
  const names = pointer.split('/').map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = names.pop() ?? '';
  const holder = names.reduce<unknown>((place, name) => read(spotIn(place, name)), root);
  return spotIn(holder, last);
}

function spotIn(holder: unknown, name: string): Spot {
  if (Array.isArray(holder)) {
    if (name === '-') return {in: 'list', holder, at: holder.length};
    if (!/^(0|[1-9]\d*)$/.test(name)) throw new Error(`${name} is no place in a list`);
    return {in: 'list', holder, at: Number(name)};
  }
  if (isRecord(holder)) return {in: 'map', holder, name};
  throw new Error(`there is nothing that could hold ${name}`);
}

function read(spot: Spot): unknown {
  if (spot.in === 'map' ? !Object.hasOwn(spot.holder, spot.name) : spot.at >= spot.holder.length)
    throw new Error('there is no such value');
  return spot.in === 'map' ? spot.holder[spot.name] : spot.holder[spot.at];
}

function put(root: Fields, pointer: unknown, value: unknown): void {
  const spot = find(root, pointer);
  const own = structuredClone(value);
  if (spot.in === 'map') spot.holder[spot.name] = own;
  else if (spot.at > spot.holder.length) throw new Error('the list is shorter');
  else spot.holder.splice(spot.at, 0, own);
}

function take(root: Fields, pointer: unknown): unknown {
  const spot = find(root, pointer);
  const value = read(spot);
  if (spot.in === 'map') delete spot.holder[spot.name];
  else spot.holder.splice(spot.at, 1);
  return value;
}

/** Equal as JSON: the order of a map's names does not count. */
function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  if (!isRecord(a) || !isRecord(b)) return a === b;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
  );
}
