import {describe, expect, it} from 'vitest';
import {type NodeView, viewNode} from '../../../src/proxy/model/node.ts';
import {AppliedTable, dump} from './support/apply.ts';
import {node} from './support/objects.ts';
import {RandomCluster} from './support/random-cluster.ts';
import {familyTable, rendered} from './support/tables.ts';

/** A tenth of what `npm run bench proxy-edits` makes. */
const edits = 10_000;
const here: NodeView = viewNode('here', node('here', ['192.168.0.2', 'fd01::2'], 'z1'), '0.0.0.0');
const context = {nodePortIPs: undefined, serviceCIDRs: ['10.96.0.0/16']};

describe('random edits', () => {
  it.each(['IPv4', 'IPv6'] as const)(
    `leave the table that is rendered from nothing (${edits} edits, %s)`,
    {timeout: 60_000},
    (family) => {
      const cluster = new RandomCluster(20_261_121, 12);
      const table = familyTable(family);
      const kernel = new AppliedTable();
      kernel.apply(table.updateNode(context));
      for (let i = 1; i <= edits; i++) {
        const keys = Array.from({length: i % 7 === 0 ? 3 : 1}, () => cluster.edit());
        kernel.apply(table.update(new Map(keys.map((key) => [key, cluster.source(key)])), here));
        if (i % 50 !== 0) continue;
        expect(kernel.dump(), `after edit ${i}`).toEqual(dump(rendered(table)));
        kernel.check();
      }
    },
  );

  it('a fresh proxy that sees the same objects balances over the same endpoints', {timeout: 60_000}, () => {
    const cluster = new RandomCluster(7, 12);
    for (let round = 0; round < 100; round++) {
      const aged = familyTable('IPv4');
      aged.updateNode(context);
      for (let i = 0; i < 20; i++) {
        const key = cluster.edit();
        aged.update(new Map([[key, cluster.source(key)]]), here);
      }
      aged.update(cluster.sources(), here);
      const fresh = familyTable('IPv4');
      fresh.updateNode(context);
      fresh.update(cluster.sources(), here);
      expect(withoutOrder(rendered(aged))).toEqual(withoutOrder(rendered(fresh)));
    }
  });

  it('an update with nothing new is no operation', () => {
    const cluster = new RandomCluster(3, 12);
    for (let i = 0; i < 200; i++) cluster.edit();
    const table = familyTable('IPv4');
    table.updateNode(context);
    table.update(cluster.sources(), here);
    expect(table.update(cluster.sources(), here)).toEqual([]);
    expect(table.updateNode(context)).toEqual([]);
  });
});

/** The order of endpoints is history; which endpoints there are is not. */
function withoutOrder(table: Parameters<typeof dump>[0]) {
  const {elements, ...rest} = dump(table);
  const balanced = /^(service|nodeport)-(cluster|local)-/;
  return {
    ...rest,
    elements: elements.map(([name, list]) =>
      balanced.test(name)
        ? [name, list.map(([key, value]) => `${key.slice(0, key.lastIndexOf(' . '))} ${value}`).sort()]
        : [name, list],
    ),
  };
}
