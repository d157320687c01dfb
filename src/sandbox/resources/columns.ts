import {ageOf} from './cells.ts';
import type {Column} from './definition.ts';

const name: Column = {name: 'Name', cell: (object) => object.metadata.name};
const age: Column = {name: 'Age', cell: (object, now) => ageOf(object.metadata.creationTimestamp, now)};

/** The table of a kind; kinds without one of their own show name and age. */
export function columnsOf(_collection: string): readonly Column[] {
  return [name, age];
}
