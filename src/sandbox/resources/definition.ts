import type {Resource} from '../../lib/resources.ts';
import type {Obj} from '../contract.ts';
import type {Cause} from '../status.ts';

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

/** A column of kubectl's table: what `get` prints, `-o wide` when `wide`. */
export type Column = {
  readonly name: string;
  readonly type?: 'string' | 'integer' | 'boolean';
  readonly wide?: boolean;
  readonly cell: (object: Obj, nowMs: number) => string | number | boolean;
};

/** What is particular about a kind; everything else is the same for all. */
export type Strategy = {
  /** Fills in what the server decides, before admission. The object may be changed. */
  readonly prepareForCreate?: (object: Obj, nowMs: number) => void;
  readonly prepareForUpdate?: (object: Obj, old: Obj, subresource: string | undefined) => void;
  readonly validate?: (object: Obj, old: Obj | undefined, subresource: string | undefined) => Cause[];
  /** Seconds of grace of a delete, given what the caller asked for; kinds without it go at once. */
  readonly graceSeconds?: (object: Obj, asked: number | undefined) => number;
  /** metadata.generation counts changes of everything but metadata and status. */
  readonly generation?: boolean;
  /** A PUT of an absent object creates it. */
  readonly createOnUpdate?: boolean;
  /** A write to /status may also change labels and annotations. */
  readonly statusTakesMetadata?: boolean;
  /** Deleted only when spec.finalizers is empty too. */
  readonly specFinalizers?: boolean;
};

export type Definition = {
  readonly resource: Resource;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly Verb[];
  readonly subresources: readonly Subresource[];
  /** Field selectors beyond metadata.name and metadata.namespace. */
  readonly selectable: Readonly<Record<string, (object: Obj) => string>>;
  readonly columns: readonly Column[];
  readonly strategy: Strategy;
};

export type Subresource = {
  readonly name: string;
  readonly verbs: readonly string[];
  /** Where it carries a kind of another group: autoscaling/v1 Scale. */
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
};

/** The store's name for a resource. */
export function collectionOf(resource: Pick<Resource, 'group' | 'plural'>): string {
  return `${resource.group}/${resource.plural}`;
}

export function hasSubresource(definition: Definition, name: string): boolean {
  return definition.subresources.some((sub) => sub.name === name);
}
