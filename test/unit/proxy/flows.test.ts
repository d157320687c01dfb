import {describe, expect, it} from 'vitest';
import {rendered} from './support/tables.ts';
import {trace} from './support/tracer.ts';
import {desiredTable, loadVectors} from './support/vectors.ts';

describe.each(['IPv4', 'IPv6'] as const)('flows through the desired table, %s', (family) => {
  const vectors = [...loadVectors(family)];

  it('are read at all', () => {
    expect(vectors.flatMap(([, list]) => list).flatMap((vector) => vector.flows).length).toBeGreaterThan(300);
  });

  describe.each(vectors)('%s', (_file, list) => {
    it.each(list.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
      const table = rendered(desiredTable(vector));
      const traced = vector.flows.map((flow) => ({flow: flow.name, outcome: trace(table, flow)}));
      expect(traced).toEqual(vector.flows.map((flow) => ({flow: flow.name, outcome: flow.expect})));
    });
  });
});
