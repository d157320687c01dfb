import {describe, expect, it} from 'vitest';
import type {Family} from '../../../../src/lib/addresses.ts';
import type {EndpointSlice} from '../../../../src/lib/kubernetes.ts';
import {viewNode} from '../../../../src/proxy/model/node.ts';
import {node, service, slice} from '../support/objects.ts';
import {at, Scene} from '../support/scene.ts';
import {familyTable, rendered} from '../support/tables.ts';

const port = {name: 'p', protocol: 'TCP', port: 80};
const web = 'pod TCP vip1:80';
const next = 'pod TCP vip2:80';

/** What a busy cluster does between two rounds of the proxy. */
describe.each(['IPv4', 'IPv6'] as const)(
  'what becomes of packets when much changes at once, %s',
  (family) => {
    const scene = () => {
      const s = new Scene(family);
      s.put(s.slice('a/web', ['ep1']), s.slice('b/next', ['ep2']));
      return s;
    };

    it('two Services exchange their node ports', async () => {
      const s = scene();
      const typed = (key: string, vip: string, nodePort: number) =>
        s.service(key, vip, {type: 'NodePort', ports: [{...port, nodePort}]});
      const flows = (first: string, second: string) => ({
        'outside TCP node:30080': `${first} masq`,
        'outside TCP node:30081': `${second} masq`,
        [web]: 'ep1:8080',
        [next]: 'ep2:8080',
      });
      s.put(typed('a/web', 'vip1', 30_080), typed('b/next', 'vip2', 30_081));
      await s.expect(flows('ep1:8080', 'ep2:8080'));
      s.put(typed('a/web', 'vip1', 30_081), typed('b/next', 'vip2', 30_080));
      await s.expect(flows('ep2:8080', 'ep1:8080'));
      s.put(typed('b/next', 'vip2', 30_081), typed('a/web', 'vip1', 30_080));
      await s.expect(flows('ep1:8080', 'ep2:8080'));
    });

    it('two Services are made again with the address of the other, and of another policy', async () => {
      const s = scene();
      s.put(s.service('a/web', 'vip1'), s.service('b/next', 'vip2', {internalTrafficPolicy: 'Local'}));
      await s.expect({[web]: 'ep1:8080', [next]: 'DROP'});
      s.remove(s.service('a/web', 'vip1'), s.service('b/next', 'vip2'));
      s.put(s.service('b/next', 'vip1'), s.service('a/web', 'vip2', {internalTrafficPolicy: 'Local'}));
      await s.expect({[web]: 'ep2:8080', [next]: 'ep1:8080'});
      s.put(s.service('a/web', 'vip1'), s.service('b/next', 'vip2', {sessionAffinity: 'ClientIP'}));
      await s.expect({[web]: 'ep1:8080', [next]: 'ep2:8080'});
    });

    it('a port keeps its name and number with another protocol, and two protocols exchange their targets', async () => {
      const s = scene();
      const both = (tcp: string, udp: string) => ({[web]: tcp, 'pod UDP vip1:80': udp});
      const targets = (protocol: string, to: number) =>
        s.slice('a/web', ['ep1'], {ports: [{name: 'p', protocol, port: to}]});
      s.put(s.service('a/web', 'vip1'));
      await s.expect(both('ep1:8080', 'NO PORT'));
      s.put(s.service('a/web', 'vip1', {ports: [{...port, protocol: 'UDP'}]}), targets('UDP', 53));
      await s.expect(both('NO PORT', 'ep1:53'));
      const udp = {name: 'u', protocol: 'UDP', port: 80};
      const twoPorts = (tcp: number, datagrams: number) =>
        s.slice('a/web', ['ep1'], {
          ports: [
            {name: 'p', port: tcp},
            {name: 'u', protocol: 'UDP', port: datagrams},
          ],
        });
      s.put(s.service('a/web', 'vip1', {ports: [port, udp]}), twoPorts(8080, 53));
      await s.expect(both('ep1:8080', 'ep1:53'));
      s.put(twoPorts(53, 8080));
      await s.expect(both('ep1:53', 'ep1:8080'));
      // A slice that knows the port by its name only, of the other protocol.
      s.put(targets('UDP', 53));
      await s.expect(both('REJECT', 'REJECT'));
    });

    it('two Services have the same load balancer at different ports, then at one: the same has it until it gives it up', async () => {
      const s = scene();
      const balanced = (key: string, vip: string, number: number) =>
        s.service(key, vip, {type: 'LoadBalancer', ports: [{...port, port: number}]}, [
          {ip: at('lb1', family)},
        ]);
      const lb = (first: string, second: string) => ({
        'outside TCP lb1:80': first,
        'outside TCP lb1:81': second,
      });
      s.put(balanced('a/web', 'vip1', 80), balanced('b/next', 'vip2', 81));
      await s.expect(lb('ep1:8080 masq', 'ep2:8080 masq'));
      s.put(balanced('b/next', 'vip2', 80));
      await s.expect(lb('ep1:8080 masq', 'NONE'));
      s.put(s.slice('b/next', ['ep1', 'ep2']), s.slice('a/web', ['ep2']));
      await s.expect(lb('ep2:8080 masq', 'NONE'));
      s.put(s.service('a/web', 'vip1'));
      await s.expect(lb('ep1:8080 masq, ep2:8080 masq', 'NONE'));
      s.remove(balanced('b/next', 'vip2', 80));
      await s.expect(lb('NONE', 'NONE'));
    });

    it('a load balancer’s address is also an external address of another, and of the same', async () => {
      const s = scene();
      const ip = at('lb1', family);
      const balanced = s.service('b/next', 'vip2', {type: 'LoadBalancer', externalIPs: [ip]}, [{ip}]);
      const claims = s.service('a/web', 'vip1', {externalIPs: [ip]});
      s.put(claims);
      await s.expect({'outside TCP lb1:80': 'ep1:8080 masq'});
      s.put(balanced);
      await s.expect({'outside TCP lb1:80': 'ep2:8080 masq'});
      s.put(s.slice('b/next', []));
      await s.expect({'outside TCP lb1:80': 'REJECT', [web]: 'ep1:8080'});
      s.remove(balanced);
      await s.expect({'outside TCP lb1:80': 'ep1:8080 masq'});
    });

    it('the first of two Services with one external address loses its endpoints, and gets them back', async () => {
      const s = scene();
      const externalIPs = [at('ext1', family)];
      s.put(s.service('a/web', 'vip1', {externalIPs}), s.service('b/next', 'vip2', {externalIPs}));
      await s.expect({'outside TCP ext1:80': 'ep1:8080 masq'});
      s.put(s.slice('a/web', []));
      await s.expect({'outside TCP ext1:80': 'ep2:8080 masq', [web]: 'REJECT'});
      s.put(s.slice('b/next', []));
      await s.expect({'outside TCP ext1:80': 'REJECT'});
      s.put(s.slice('a/web', ['ep1']));
      await s.expect({'outside TCP ext1:80': 'ep1:8080 masq'});
    });

    it('a Service is gone and back, with its slices in another order, before anybody looks', async () => {
      const s = scene();
      const mine = s.service('a/web', 'vip1');
      s.put(mine);
      await s.expect({[web]: 'ep1:8080'});
      s.remove(mine, s.slice('a/web', []));
      s.put(s.slice('a/web', ['ep2'], {name: 'z'}), mine);
      await s.expect({[web]: 'ep2:8080'});
      s.put(s.service('a/web', 'vip1', {type: 'ExternalName', externalName: 'x.example'}), mine);
      await s.expect({[web]: 'ep2:8080'});
      s.remove(mine);
      s.put(mine);
      s.remove(mine);
      await s.expect({[web]: 'GONE'});
    });

    it('thousands of endpoints in large slices, some of them twice, are halved and come back; one is two elements', () => {
      const table = familyTable(family);
      const here = viewNode('here', node('here', [at('node', family)]), '0.0.0.0');
      const web = service('a/web', {clusterIP: at('vip1', family), ports: [port]});
      const large = (from: number, count: number) =>
        slice({
          service: 'a/web',
          family,
          ports: [{name: 'p', port: 8080}],
          endpoints: Array.from({length: count}, (_, n) => ({ip: address(from + n, family)})),
        });
      const operations = (...slices: EndpointSlice[]) =>
        table.update(new Map([['a/web', {service: web, slices}]]), here).length;
      const targets = () => {
        const all = [...(rendered(table).elements.get('service-cluster-tcp')?.values() ?? [])];
        expect(new Set(all).size).toBe(all.length);
        return all.length;
      };
      operations(large(0, 1000), large(900, 1000), large(3000, 1000));
      expect(targets()).toBe(2900);
      // The last address of the list takes the place of the one that left; the chain is of one less.
      expect(operations(large(1, 999), large(900, 1000), large(3000, 1000))).toBeLessThan(10);
      expect(operations(large(900, 1000), large(3000, 1000), large(1, 999))).toBe(0);
      expect(operations(large(1, 999), large(900, 1000), large(3001, 1000))).toBe(2);
      operations(large(500, 500), large(900, 1000));
      expect(targets()).toBe(1400);
      operations(large(0, 1000), large(1000, 1000));
      expect(targets()).toBe(2000);
    });
  },
);

function address(n: number, family: Family): string {
  return family === 'IPv4' ? `10.64.${100 + (n >> 8)}.${n & 255}` : `fd64:3::${(n + 1).toString(16)}`;
}
