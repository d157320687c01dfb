import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Iptables} from '../../../../src/edges/nftables/iptables.ts';
import {readSaved} from '../../../../src/proxy/iptables/observed.ts';
import {removalInputs} from '../../../../src/proxy/iptables/removal.ts';
import {expectedOf} from '../../../unit/proxy/iptables/support/differences.ts';
import {changesOf, planeOf} from '../../../unit/proxy/iptables/support/planes.ts';
import {type Flow, loadVectors} from '../../../unit/proxy/support/vectors.ts';
import {Lab} from '../support/lab.ts';
import {outcomeOf} from '../support/outcome.ts';
import {canServe, iptablesIn} from './iptables-support.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await Lab.create();
});

afterAll(async () => {
  await lab?.remove();
});

/** SCTP needs a kernel that has it, and a balancer's address as a sender a machine that has it: the tracer's cases. */
const withSockets = ({protocol, from}: Flow): boolean => protocol !== 'SCTP' && from !== 'lb1';

async function removeAll(iptables: Iptables): Promise<void> {
  for (const input of removalInputs(readSaved(await iptables.save()))) await iptables.restore(input);
}

/** The tracer follows every vector in each family; here the kernel shows that it means the rules as they are meant. */
const files = {
  nft: {IPv4: /./, IPv6: /general|policies|nodeports/},
  legacy: {IPv4: /general/, IPv6: /general/},
};

describe.each(['nft', 'legacy'] as const)('flows through the rules of iptables-%s', (backend) => {
  describe.each(['IPv4', 'IPv6'] as const)('%s', (family) => {
    const iptables = () => iptablesIn(lab.node, family, backend);

    afterAll(() => removeAll(iptables()));

    const vectors = [...loadVectors(family)].filter(([file]) => files[backend][family].test(file));
    it.for(vectors)('%s', {timeout: 60_000}, async ([, list], {skip}) => {
      if (!(await canServe(lab.node, backend))) skip(`this kernel lacks what iptables-${backend} needs`);
      for (const vector of list) {
        const plane = planeOf(vector, iptables());
        plane.update(changesOf(vector));
        await plane.commit();
        await lab.forgetFlows();
        const flows = vector.flows.filter(withSockets);
        const outcomes = await Promise.all(
          flows.map(async (flow) => ({
            flow: flow.name,
            outcome: await outcomeOf(lab, {...flow, expect: expectedOf(vector, flow)}),
          })),
        );
        expect(outcomes, vector.name).toEqual(
          flows.map((flow) => ({flow: flow.name, outcome: expectedOf(vector, flow)})),
        );
      }
    });
  });
});
