import {describe, expect, it} from 'vitest';
import {loadVectors} from '../support/vectors.ts';
import {expectedOf} from './support/differences.ts';
import {FakeIptables} from './support/fake-iptables.ts';
import {changesOf, planeOf} from './support/planes.ts';
import {trace} from './support/tracer.ts';

describe.each(['IPv4', 'IPv6'] as const)('flows through the iptables rules, %s', (family) => {
  describe.each([...loadVectors(family)])('%s', (_file, list) => {
    it.each(list.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
      const iptables = new FakeIptables(family);
      const plane = planeOf(vector, iptables);
      plane.update(changesOf(vector));
      await plane.commit();
      const outcome = vector.flows.map((flow) => ({
        flow: flow.name,
        outcome: trace((place) => iptables.rules(place), family, flow),
      }));
      expect(outcome).toEqual(
        vector.flows.map((flow) => ({flow: flow.name, outcome: expectedOf(vector, flow)})),
      );
    });
  });
});
