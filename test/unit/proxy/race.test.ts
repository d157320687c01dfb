import {describe, expect, it} from 'vitest';
import {type NodeView, viewNode} from '../../../src/proxy/model/node.ts';
import {node} from './support/objects.ts';
import {RandomCluster} from './support/random-cluster.ts';
import {familyTable, type Rendered, rendered} from './support/tables.ts';
import {trace} from './support/tracer.ts';

const here: NodeView = viewNode('here', node('here', ['192.168.0.2'], 'z1'), '0.0.0.0');
const context = {nodePortIPs: undefined, serviceCIDRs: ['10.96.0.0/16']};
const edits = 50;
/** More than any packet comes by. */
const maxSteps = 24;

type Frontend = {readonly protocol: 'TCP' | 'UDP' | 'SCTP'; readonly address: string; readonly port: number};

/** Everything that a packet can be sent to in this table. */
function frontends(table: Rendered): Frontend[] {
  return [...(table.elements.get('services') ?? new Map<string, string>()).keys()].map((key) => {
    const [address = '', protocol = '', port] = key.split(' . ');
    const words = {tcp: 'TCP', udp: 'UDP', sctp: 'SCTP'} as const;
    return {address, protocol: words[protocol as keyof typeof words], port: Number(port)};
  });
}

const unmarked = (outcome: readonly string[]) => outcome.map((one) => one.replace(' masq', ''));

describe('a packet that meets a commit on its way', () => {
  it('goes where the rules before or after it say, wherever the commit meets it', {timeout: 60_000}, () => {
    const cluster = new RandomCluster(20_261_121, 4);
    const table = familyTable('IPv4');
    table.updateNode(context);
    let before = rendered(table);
    let met = 0;
    for (let i = 0; i < edits; i++) {
      const key = cluster.edit();
      table.update(new Map([[key, cluster.source(key)]]), here);
      const after = rendered(table);
      for (const {protocol, ...to} of frontends(before))
        for (const from of ['pod', 'outside', 'node'] as const) {
          const flow = {from, protocol, to};
          const [was, is] = [trace(before, flow), trace(after, flow)];
          if (typeof was === 'string' || typeof is === 'string') continue;
          const served = new Set(unmarked([...was, ...is]));
          for (let step = 0; step < maxSteps; step++) {
            const outcome = trace(before, flow, {after, step});
            const lost =
              typeof outcome === 'string' ? [outcome] : unmarked(outcome).filter((one) => !served.has(one));
            expect(lost, `edit ${i} of ${key}, ${from} to ${to.address}:${to.port} at ${step}`).toEqual([]);
            met++;
          }
        }
      before = after;
    }
    expect(met).toBeGreaterThan(1_000);
  });
});
