import {type Field, structOf, typeName} from '../../config/schema/types.ts';

/**
 * How strategic merge treats a field: `patchStrategy` and `patchMergeKey` of k8s.io/api's types. A list without
 * a rule of its own is replaced whole.
 */
export type MergeRule = {
  /** A list of objects, merged by this key. */
  readonly key?: string;
  /** A list of plain values, merged as a set. */
  readonly set?: true;
  readonly fields: MergeFields;
};
export type MergeFields = (field: string) => MergeRule | undefined;

/** A part without rules. */
export const noFields: MergeFields = () => undefined;

export function mergeFields(group: string, kind: string): MergeFields {
  return fieldsOf(typeName(group, kind));
}

function fieldsOf(type: string): MergeFields {
  const struct = structOf(type);
  if (struct === undefined) return noFields;
  return (name) => {
    const field = struct.fields.get(name);
    return field === undefined ? undefined : ruleOf(field);
  };
}

function ruleOf(field: Field): MergeRule {
  const {mergeKey} = field;
  // The entries of a map are objects of their own, each merged by the fields of its type.
  const fields: MergeFields =
    field.shape === 'map' ? () => ({fields: fieldsOf(field.of)}) : fieldsOf(field.of);
  if (mergeKey === undefined || field.shape !== 'list') return {fields};
  return mergeKey === '' ? {set: true, fields} : {key: mergeKey, fields};
}
