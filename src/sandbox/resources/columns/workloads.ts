import type {Obj} from '../../contract.ts';
import {numberAt, objectAt} from '../../json.ts';
import type {Column} from '../definition.ts';
import {ageColumn, column, containerColumns, integer, nameColumn, selectorText, wide} from './shared.ts';

const number = (object: Obj, ...path: string[]) => numberAt(object, ...path) ?? 0;

const template: readonly Column[] = [
  ...containerColumns('spec', 'template', 'spec', 'containers'),
  column('Selector', (object) => selectorText(objectAt(object, 'spec', 'selector')), wide),
];

export const deploymentColumns: readonly Column[] = [
  nameColumn,
  column('Ready', (d) => `${number(d, 'status', 'readyReplicas')}/${number(d, 'spec', 'replicas')}`),
  column('Up-to-date', (d) => number(d, 'status', 'updatedReplicas'), integer),
  column('Available', (d) => number(d, 'status', 'availableReplicas'), integer),
  ageColumn,
  ...template,
];

export const replicaSetColumns: readonly Column[] = [
  nameColumn,
  column('Desired', (rs) => number(rs, 'spec', 'replicas'), integer),
  column('Current', (rs) => number(rs, 'status', 'replicas'), integer),
  column('Ready', (rs) => number(rs, 'status', 'readyReplicas'), integer),
  ageColumn,
  ...template,
];
