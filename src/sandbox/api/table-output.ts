import type {Obj} from '../contract.ts';
import type {Definition} from '../resources/definition.ts';

export type TableOptions = {
  readonly version: string;
  readonly includeObject: string;
  readonly metadata: object;
  readonly columns: boolean;
};

/** meta.k8s.io Table: the rows that kubectl prints. */
export function tableOf(
  definition: Definition,
  objects: readonly Obj[],
  options: TableOptions,
  nowMs: number,
): object {
  const apiVersion = `meta.k8s.io/${options.version}`;
  return {
    kind: 'Table',
    apiVersion,
    metadata: options.metadata,
    columnDefinitions: options.columns
      ? definition.columns.map((column) => ({
          name: column.name,
          type: column.type ?? 'string',
          format: column.name === 'Name' ? 'name' : '',
          description: '',
          priority: column.wide ? 1 : 0,
        }))
      : [],
    rows: objects.map((object) => ({
      cells: definition.columns.map((column) => column.cell(object, nowMs)),
      ...included(object, options, apiVersion),
    })),
  };
}

function included(object: Obj, options: TableOptions, apiVersion: string): {object?: object} {
  switch (options.includeObject) {
    case 'None':
      return {};
    case 'Object':
      return {object};
    default:
      return {object: {kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata}};
  }
}
