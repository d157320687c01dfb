import {kubernetesTypes} from './kubernetes-types.ts';

export type Shape = 'one' | 'list' | 'map';

export type Field = {
  readonly name: string;
  /** Its number in protobuf. */
  readonly number: number;
  readonly shape: Shape;
  /** A struct's name, or one of the plain types. */
  readonly of: string;
  /** Absent and zero differ. */
  readonly pointer: boolean;
  /** Written even when it is zero. */
  readonly always: boolean;
  readonly retainKeys: boolean;
  /** Strategic merge: by this key, or as a set when it is empty. */
  readonly mergeKey?: string;
};

export type Struct = {
  readonly name: string;
  /** Fields as JSON has them: what is inlined stands here itself. */
  readonly fields: ReadonlyMap<string, Field>;
  /** Fields as protobuf has them: `~` is a message whose fields are inlined in JSON. */
  readonly byNumber: ReadonlyMap<number, Field>;
};

type Raw = {readonly name: string; readonly fields: Field[]};

let parsed: Map<string, Raw> | undefined;
const structs = new Map<string, Struct>();

/** A struct by the name that the table gives it: `core.PodSpec`. */
export function structOf(name: string): Struct | undefined {
  const known = structs.get(name);
  if (known !== undefined) return known;
  parsed ??= parse(kubernetesTypes);
  const raw = parsed.get(name);
  if (raw === undefined) return undefined;
  const made: Struct = {
    name,
    fields: new Map(flattened(raw).map((field) => [field.name, field])),
    byNumber: new Map(raw.fields.map((field) => [field.number, field])),
  };
  structs.set(name, made);
  return made;
}

/** `apps` for apps, `core` for the core group, `rbac` for rbac.authorization.k8s.io. */
export function typeName(group: string, kind: string): string {
  return `${group === '' ? 'core' : group.split('.')[0]}.${kind}`;
}

function flattened(raw: Raw): Field[] {
  return raw.fields.flatMap((field) => {
    if (field.name !== '~') return [field];
    const inner = parsed?.get(field.of);
    return inner === undefined ? [] : flattened(inner);
  });
}

function parse(text: string): Map<string, Raw> {
  const all = new Map<string, Raw>();
  let current: Raw | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith(' ')) current?.fields.push(parseField(line.slice(1)));
    else {
      current = {name: line, fields: []};
      all.set(line, current);
    }
  }
  return all;
}

function parseField(line: string): Field {
  const [name = '', number = '0', type = '', flags = ''] = line.split(' ');
  const mergeKey = /\+(\w*)/.exec(flags)?.[1];
  return {
    name,
    number: Number(number),
    shape: type.startsWith('[]') ? 'list' : type.startsWith('{}') ? 'map' : 'one',
    of: type.replace(/^(\[\]|\{\})/, ''),
    pointer: flags.includes('?'),
    always: flags.includes('!'),
    retainKeys: flags.includes('='),
    ...(mergeKey === undefined ? {} : {mergeKey}),
  };
}
