import type {Obj} from '../../contract.ts';
import {at, objectAt, objectsAt, textAt, textsAt} from '../../json.ts';
import type {Column} from '../definition.ts';
import {ageOf} from './age.ts';

export const none = '<none>';

export const nameColumn: Column = {name: 'Name', cell: (object) => object.metadata.name};
export const ageColumn: Column = {
  name: 'Age',
  cell: (object, now) => ageOf(object.metadata.creationTimestamp, now),
};

export function column(name: string, cell: Column['cell'], options: Partial<Column> = {}): Column {
  return {name, cell, ...options};
}

export const wide: Partial<Column> = {wide: true};
export const integer: Partial<Column> = {type: 'integer'};
export const boolean: Partial<Column> = {type: 'boolean'};

/** A text of the object, or what stands for its absence. */
export function text(fallback: string, ...path: string[]): Column['cell'] {
  return (object) => textAt(object, ...path) || fallback;
}

export function flag(fallback: boolean, ...path: string[]): Column['cell'] {
  return (object) => {
    const value = at(object, ...path);
    return typeof value === 'boolean' ? value : fallback;
  };
}

export function containerColumns(...path: string[]): Column[] {
  const join = (field: string) => (object: Obj) =>
    objectsAt(object, ...path)
      .map((container) => textAt(container, field) ?? '')
      .join(',');
  return [column('Containers', join('name'), wide), column('Images', join('image'), wide)];
}

/** metav1.FormatLabelSelector: sorted, as `kubectl -l` takes it. */
export function selectorText(selector: unknown): string {
  const labels = Object.entries(objectAt(selector, 'matchLabels')).map(([key, value]) => `${key}=${value}`);
  const expressions = objectsAt(selector, 'matchExpressions').map((e) => {
    const values = `(${textsAt(e, 'values').sort().join(',')})`;
    switch (e.operator) {
      case 'In':
        return `${e.key} in ${values}`;
      case 'NotIn':
        return `${e.key} notin ${values}`;
      case 'Exists':
        return `${e.key}`;
      default:
        return `!${e.key}`;
    }
  });
  return [...labels, ...expressions].sort().join(',');
}

/** At most three, then how many more. */
export function threeOf(items: readonly string[]): string {
  if (items.length === 0) return '<unset>';
  const shown = items.slice(0, 3).join(',');
  return items.length > 3 ? `${shown} + ${items.length - 3} more...` : shown;
}
