import {describe, it} from 'vitest';
import type {Service} from '../../../../src/lib/kubernetes.ts';
import {at, other, Scene} from '../support/scene.ts';

const web = 'pod TCP vip1:80';
const both = 'ep1:8080, ep2:8080';
const nodePort = [{name: 'p', protocol: 'TCP', port: 80, nodePort: 30_080}];

/** pkg/proxy/servicechangetracker_test.go by what packets see, and the changes that test/e2e/network makes. */
describe.each(['IPv4', 'IPv6'] as const)(
  'what becomes of packets after changes of Services, %s',
  (family) => {
    const scene = () => new Scene(family);

    it('ports are added, renamed, renumbered and taken away', async () => {
      const s = scene();
      const [p, q] = [
        {name: 'p', protocol: 'TCP', port: 80},
        {name: 'q', protocol: 'TCP', port: 81},
      ];
      const targets = (...ports: [string, number][]) =>
        s.slice('a/web', ['ep1'], {ports: ports.map(([name, port]) => ({name, port}))});
      const flows = (first: string, second: string) => ({[web]: first, 'pod TCP vip1:81': second});
      s.put(s.service('a/web', 'vip1', {ports: [p]}), targets(['p', 8080]));
      await s.expect(flows('ep1:8080', 'NO PORT'));
      s.put(s.service('a/web', 'vip1', {ports: [p, q]}));
      await s.expect(flows('ep1:8080', 'REJECT'));
      s.put(targets(['p', 8080], ['q', 8081]));
      await s.expect(flows('ep1:8080', 'ep1:8081'));
      s.put(targets(['p', 9090], ['q', 8080]));
      await s.expect(flows('ep1:9090', 'ep1:8080'));
      s.put(s.service('a/web', 'vip1', {ports: [{...p, name: 'renamed'}, q]}));
      await s.expect(flows('REJECT', 'ep1:8080'));
      s.put(targets(['renamed', 9090], ['q', 8080]));
      await s.expect(flows('ep1:9090', 'ep1:8080'));
      s.put(s.service('a/web', 'vip1', {ports: [{...q, port: 80}]}));
      await s.expect(flows('ep1:8080', 'NO PORT'));
      s.put(s.service('a/web', 'vip1', {ports: [{protocol: 'TCP', port: 80}]}));
      await s.expect(flows('REJECT', 'NO PORT'));
      s.put(targets(['', 8080]));
      await s.expect(flows('ep1:8080', 'NO PORT'));
    });

    it('a Service is made again under its name, and its address is given to another', async () => {
      const s = scene();
      s.put(s.service('a/web', 'vip1'), s.slice('a/web', ['ep1']), s.slice('b/next', ['ep2']));
      await s.expect({[web]: 'ep1:8080'});
      s.remove(s.service('a/web', 'vip1'));
      s.put(s.service('a/web', 'vip2'));
      await s.expect({[web]: 'GONE', 'pod TCP vip2:80': 'ep1:8080'});
      const again = s.service('a/web', 'vip3');
      again.metadata.uid = 'another';
      s.put(again);
      await s.expect({'pod TCP vip2:80': 'GONE', 'pod TCP vip3:80': 'ep1:8080'});
      s.put(s.service('b/next', 'vip3'));
      s.remove(again);
      await s.expect({'pod TCP vip3:80': 'ep2:8080'});
    });

    it('its type changes between ExternalName, ClusterIP and NodePort', async () => {
      const s = scene();
      const named = {type: 'ExternalName', externalName: 'x.example', clusterIP: '', clusterIPs: []};
      const flows = (cluster: string, outside: string) => ({
        [web]: cluster,
        'outside TCP node:30080': outside,
      });
      s.put(s.service('a/web', 'vip1', named), s.slice('a/web', ['ep1']));
      await s.expect(flows('GONE', 'NONE'));
      s.put(s.service('a/web', 'vip1'));
      await s.expect(flows('ep1:8080', 'NONE'));
      s.put(s.service('a/web', 'vip1', {type: 'NodePort', ports: nodePort}));
      await s.expect(flows('ep1:8080', 'ep1:8080 masq'));
      s.put(s.service('a/web', 'vip1', named));
      await s.expect(flows('GONE', 'NONE'));
      s.put(s.service('a/web', 'vip1', {type: 'NodePort', ports: nodePort}));
      await s.expect(flows('ep1:8080', 'ep1:8080 masq'));
      s.put(s.service('a/web', 'vip1', {clusterIP: 'None', clusterIPs: ['None']}));
      await s.expect(flows('GONE', 'NONE'));
    });

    it('its node port changes, and another protocol takes the same number', async () => {
      const s = scene();
      const typed = (ports: Service['spec']['ports']) =>
        s.service('a/web', 'vip1', {type: 'NodePort', ports});
      const udp = {name: 'u', protocol: 'UDP', port: 80, nodePort: 30_080};
      s.put(typed(nodePort));
      s.put(
        s.slice('a/web', ['ep1'], {
          ports: [
            {name: 'p', port: 8080},
            {name: 'u', protocol: 'UDP', port: 53},
          ],
        }),
      );
      const flows = (tcp: string, second: string) => ({
        'outside TCP node:30080': tcp,
        'outside UDP node:30080': second,
      });
      await s.expect(flows('ep1:8080 masq', 'NONE'));
      s.put(typed([...nodePort, udp]));
      await s.expect(flows('ep1:8080 masq', 'ep1:53 masq'));
      s.put(typed([{name: 'p', protocol: 'TCP', port: 80, nodePort: 30_081}, udp]));
      await s.expect({...flows('NONE', 'ep1:53 masq'), 'outside TCP node:30081': 'ep1:8080 masq'});
      s.put(typed([udp]));
      await s.expect({...flows('NONE', 'ep1:53 masq'), 'outside TCP node:30081': 'NONE'});
    });

    it('its load balancer comes, allows some, balances itself, and goes', async () => {
      const s = scene();
      const ip = at('lb1', family);
      const balanced = (ingress: object[], more: Service['spec'] = {}) =>
        s.service('a/web', 'vip1', {type: 'LoadBalancer', ports: nodePort, ...more}, ingress);
      const lb = (outcome: string) => ({
        'outside TCP lb1:80': outcome,
        'outside TCP node:30080': 'ep1:8080 masq',
        [web]: 'ep1:8080',
      });
      s.put(balanced([]), s.slice('a/web', ['ep1']));
      await s.expect(lb('NONE'));
      s.put(balanced([{ip}]));
      await s.expect(lb('ep1:8080 masq'));
      s.put(
        balanced([{ip}], {
          loadBalancerSourceRanges: [`${at('ep2', family)}/${family === 'IPv4' ? 32 : 128}`],
        }),
      );
      await s.expect(lb('DROP'));
      const outside = `${at('outside', family)}/${family === 'IPv4' ? 32 : 128}`;
      s.put(balanced([{ip}], {loadBalancerSourceRanges: [outside]}));
      await s.expect(lb('ep1:8080 masq'));
      s.put(balanced([{ip, ipMode: 'Proxy'}], {loadBalancerSourceRanges: [outside]}));
      await s.expect(lb('NONE'));
      s.put(balanced([{ip, ipMode: 'VIP'}]));
      await s.expect(lb('ep1:8080 masq'));
      s.put(balanced([{hostname: 'lb.example'}]));
      await s.expect(lb('NONE'));
    });

    it('its traffic policies change, with an endpoint on another node', async () => {
      const s = scene();
      const flows = (inside: string, outside: string) => ({[web]: inside, 'outside TCP node:30080': outside});
      const policies = (internalTrafficPolicy: string, externalTrafficPolicy: string) =>
        s.service('a/web', 'vip1', {
          type: 'NodePort',
          ports: nodePort,
          internalTrafficPolicy,
          externalTrafficPolicy,
        });
      s.put(policies('Cluster', 'Cluster'), s.slice('a/web', ['ep2']));
      await s.expect(flows('ep2:8080', 'ep2:8080 masq'));
      s.put(policies('Cluster', 'Local'));
      await s.expect(flows('ep2:8080', 'DROP'));
      s.put(policies('Local', 'Local'));
      await s.expect(flows('DROP', 'DROP'));
      s.put(s.slice('a/web', ['ep1', 'ep2']));
      await s.expect(flows('ep1:8080', 'ep1:8080'));
      s.put(policies('Local', 'Cluster'));
      await s.expect(flows('ep1:8080', 'ep1:8080 masq, ep2:8080 masq'));
      s.put(policies('Cluster', 'Cluster'));
      await s.expect(flows(both, 'ep1:8080 masq, ep2:8080 masq'));
    });

    it('session affinity is switched on and off for every way in', async () => {
      const s = scene();
      const affine = (sessionAffinity: string, externalTrafficPolicy: string) =>
        s.service(
          'a/web',
          'vip1',
          {type: 'LoadBalancer', ports: nodePort, sessionAffinity, externalTrafficPolicy},
          [{ip: at('lb1', family)}],
        );
      const ways = (outside: string) => ({
        [web]: both,
        'outside TCP node:30080': outside,
        'outside TCP lb1:80': outside,
      });
      const masked = 'ep1:8080 masq, ep2:8080 masq';
      s.put(s.slice('a/web', ['ep1', 'ep2']));
      for (const affinity of ['None', 'ClientIP', 'None', 'ClientIP']) {
        s.put(affine(affinity, 'Cluster'));
        await s.expect(ways(masked));
        s.put(affine(affinity, 'Local'));
        await s.expect(ways('ep1:8080'));
      }
      s.put(s.slice('a/web', ['ep2']));
      await s.expect({[web]: 'ep2:8080', 'outside TCP lb1:80': 'DROP'});
      s.put(s.slice('a/web', []));
      await s.expect({[web]: 'REJECT', 'outside TCP lb1:80': 'REJECT'});
    });

    it('another proxy takes it and gives it back: its endpoints are known all the while', async () => {
      const s = scene();
      const mine = s.service('a/web', 'vip1');
      s.put(mine, s.slice('a/web', ['ep1']));
      await s.expect({[web]: 'ep1:8080'});
      s.remove(mine);
      s.put(s.slice('a/web', ['ep2']));
      await s.expect({[web]: 'GONE'});
      s.put(mine);
      await s.expect({[web]: 'ep2:8080'});
    });

    it('this family is taken from it and given back', async () => {
      const s = scene();
      const single = {clusterIP: at('vip1', other(family)), clusterIPs: [at('vip1', other(family))]};
      s.put(s.service('a/web', 'vip1'), s.slice('a/web', ['ep1']));
      await s.expect({[web]: 'ep1:8080'});
      s.put(s.service('a/web', 'vip1', single));
      await s.expect({[web]: 'GONE'});
      s.put(s.service('a/web', 'vip1', {clusterIP: at('vip2', family), clusterIPs: [at('vip2', family)]}));
      await s.expect({[web]: 'GONE', 'pod TCP vip2:80': 'ep1:8080'});
    });

    it('an external address passes from one Service to another', async () => {
      const s = scene();
      const claims = (key: string, vip: string, externalIPs: string[] | undefined) =>
        s.service(key, vip, {externalIPs: externalIPs?.map((name) => at(name, family))});
      s.put(claims('a/web', 'vip1', ['ext1']), s.slice('a/web', ['ep1']));
      s.put(claims('b/next', 'vip2', ['ext1', 'vip1']), s.slice('b/next', ['ep2']));
      await s.expect({'outside TCP ext1:80': 'ep1:8080 masq', [web]: 'ep1:8080'});
      s.put(claims('a/web', 'vip1', undefined));
      await s.expect({'outside TCP ext1:80': 'ep2:8080 masq', [web]: 'ep1:8080'});
      s.put(claims('b/next', 'vip2', undefined));
      await s.expect({'outside TCP ext1:80': 'NONE', 'pod TCP vip2:80': 'ep2:8080'});
    });
  },
);
