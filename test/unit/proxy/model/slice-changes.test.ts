import {describe, expect, it} from 'vitest';
import {slice} from '../support/objects.ts';
import {at, other, Scene} from '../support/scene.ts';

const web = 'pod TCP vip1:80';
const both = 'ep1:8080, ep2:8080';
const nodePort = [{name: 'p', protocol: 'TCP', port: 80, nodePort: 30_080}];

/** pkg/proxy/endpointschangetracker_test.go and endpointslicecache_test.go by what packets see of them. */
describe.each(['IPv4', 'IPv6'] as const)(
  'what becomes of packets after changes of endpoints, %s',
  (family) => {
    const scene = () => new Scene(family);

    it('slices come before their Service', async () => {
      const s = scene();
      s.put(s.slice('a/web', ['ep1', 'ep2']));
      await s.expect({[web]: 'GONE'});
      s.put(s.service('a/web', 'vip1'));
      await s.expect({[web]: both});
    });

    it('endpoints come and go, to none, to no slice, to no Service', async () => {
      const s = scene();
      s.put(s.service('a/web', 'vip1'));
      await s.expect({[web]: 'REJECT'});
      s.put(s.slice('a/web', ['ep1']));
      await s.expect({[web]: 'ep1:8080'});
      s.put(s.slice('a/web', ['ep1', 'ep2']));
      await s.expect({[web]: both});
      s.put(s.slice('a/web', ['ep2']));
      await s.expect({[web]: 'ep2:8080'});
      s.put({...s.slice('a/web', []), ports: []});
      await s.expect({[web]: 'REJECT'});
      s.remove(s.slice('a/web', []));
      await s.expect({[web]: 'REJECT'});
      s.remove(s.service('a/web', 'vip1'));
      await s.expect({[web]: 'GONE'});
    });

    it('an endpoint moves from one slice to another, whichever is written first', async () => {
      const s = scene();
      s.put(s.service('a/web', 'vip1'), s.slice('a/web', ['ep1'], {name: 'one'}));
      await s.expect({[web]: 'ep1:8080'});
      s.put(s.slice('a/web', ['ep1', 'ep2'], {name: 'two'}));
      await s.expect({[web]: both});
      s.put(s.slice('a/web', [], {name: 'one'}));
      await s.expect({[web]: both});
      s.remove(s.slice('a/web', [], {name: 'two'}));
      await s.expect({[web]: 'REJECT'});
      s.put(s.slice('a/web', ['ep1'], {name: 'one'}));
      await s.expect({[web]: 'ep1:8080'});
    });

    it('a slice is labelled for another Service, for none, and again', async () => {
      const s = scene();
      const [one, two] = [s.service('a/web', 'vip1'), s.service('a/other', 'vip2')];
      const flows = (first: string, second: string) => ({[web]: first, 'pod TCP vip2:80': second});
      const labelled = (name: string | undefined) => {
        const made = s.slice('a/web', ['ep1'], {name: 'x'});
        made.metadata.labels = name === undefined ? {} : {'kubernetes.io/service-name': name};
        return made;
      };
      s.put(one, two, labelled('web'));
      await s.expect(flows('ep1:8080', 'REJECT'));
      s.put(labelled('other'));
      await s.expect(flows('REJECT', 'ep1:8080'));
      s.put(labelled(undefined));
      await s.expect(flows('REJECT', 'REJECT'));
      s.put(labelled(''));
      await s.expect(flows('REJECT', 'REJECT'));
      s.put(labelled('web'));
      await s.expect(flows('ep1:8080', 'REJECT'));
    });

    it('slices of names, of the other family and of other namespaces are none of it', async () => {
      const s = scene();
      const names = {...s.slice('a/web', ['ep1'], {name: 'fqdn'}), addressType: 'FQDN'};
      const foreign = slice({
        service: 'a/web',
        name: 'foreign',
        family: other(family),
        ports: [{name: 'p', port: 8080}],
        endpoints: [{ip: at('ep1', other(family))}],
      });
      s.put(s.service('a/web', 'vip1'), names, foreign, s.slice('b/web', ['ep2']));
      await s.expect({[web]: 'REJECT'});
    });

    it('a pod ends: it serves while nobody else does, and its address may be used again', async () => {
      const s = scene();
      const ending = {ip: 'ep1', node: 'here', ready: false, serving: true, terminating: true};
      s.put(s.service('a/web', 'vip1'), s.slice('a/web', ['ep1', 'ep2']));
      await s.expect({[web]: both});
      s.put(s.slice('a/web', [ending, 'ep2']));
      await s.expect({[web]: 'ep2:8080'});
      s.put(s.slice('a/web', [ending]));
      await s.expect({[web]: 'ep1:8080'});
      s.put(s.slice('a/web', ['ep1', ending]));
      await s.expect({[web]: 'ep1:8080'});
      s.put(
        s.slice('a/web', [ending, {...ending, ip: 'ep2', serving: false}]),
        s.slice('a/web', ['ep2'], {name: 'z'}),
      );
      await s.expect({[web]: 'ep2:8080'});
      s.remove(s.slice('a/web', [], {name: 'z'}));
      s.put(s.slice('a/web', [{...ending, serving: false}]));
      await s.expect({[web]: 'REJECT'});
      // publishNotReadyAddresses.
      s.put(s.slice('a/web', [{...ending, ready: true}]));
      await s.expect({[web]: 'ep1:8080'});
    });

    it('hints come and go, and the node learns its zone', async () => {
      const s = scene();
      const hinted = (first?: string, second?: string, node?: string) =>
        s.slice('a/web', [
          {ip: 'ep1', node: 'here', ...(first && {zones: [first]}), ...(node && {nodes: ['here']})},
          {ip: 'ep2', node: 'there', ...(second && {zones: [second]}), ...(node && {nodes: [node]})},
        ]);
      s.put(s.service('a/web', 'vip1'), hinted('z1', 'z2'));
      await s.expect({[web]: both});
      s.zone('z2');
      await s.expect({[web]: 'ep2:8080'});
      s.zone('z3');
      await s.expect({[web]: both});
      s.zone('z1');
      await s.expect({[web]: 'ep1:8080'});
      s.put(hinted('z1', undefined));
      await s.expect({[web]: both});
      s.put(hinted('z2', 'z1', 'there'));
      await s.expect({[web]: 'ep1:8080'});
      s.put(s.slice('a/web', [{ip: 'ep2', node: 'there', zones: ['z2'], nodes: ['there']}]));
      await s.expect({[web]: 'ep2:8080'});
    });

    /** TestNoEndpointsMetric of both modes: sync_proxy_rules_no_local_endpoints_total. */
    it('ports without an endpoint here are counted by policy, as long as others have some', async () => {
      const s = scene();
      const policies = (internalTrafficPolicy: string, externalTrafficPolicy: string) =>
        s.service('a/web', 'vip1', {
          type: 'NodePort',
          ports: nodePort,
          internalTrafficPolicy,
          externalTrafficPolicy,
        });
      const counted = async (internal: number, external: number) => {
        await s.commit();
        const count = {internal, external};
        expect(s.withoutLocal).toEqual({nftables: count, iptables: count});
      };
      s.put(s.slice('a/web', ['ep1', 'ep2']), policies('Local', 'Local'));
      await counted(0, 0);
      s.put(s.slice('a/web', ['ep2']));
      await counted(1, 1);
      s.put(policies('Local', 'Cluster'));
      await counted(1, 0);
      s.put(policies('Cluster', 'Local'));
      await counted(0, 1);
      s.put(s.slice('a/web', []));
      await counted(0, 0);
      s.put(s.slice('a/web', ['ep2']), policies('Local', 'Local'));
      await counted(1, 1);
      s.remove(policies('Local', 'Local'));
      await counted(0, 0);
    });
  },
);
