import {describe, expect, it} from 'vitest';
import type {Family} from '../../../src/lib/addresses.ts';
import type {Service} from '../../../src/lib/kubernetes.ts';
import {Followed} from './support/followed.ts';
import {type EndpointText, service, slice} from './support/objects.ts';
import type {Role} from './support/vectors.ts';
import {world} from './support/vectors.ts';

const at = (name: string, family: Family) => world[name]?.[family] ?? '';
const other = (family: Family): Family => (family === 'IPv4' ? 'IPv6' : 'IPv4');

/** What the tests say of a small cluster, in words of one family. */
class Scene extends Followed {
  readonly #trace = (flow: string) => {
    const [from = '', protocol = '', to = ''] = flow.split(' ');
    const [name = '', port] = to.split(':');
    return {
      name: flow,
      from: from as Role,
      protocol: protocol as 'TCP' | 'UDP',
      to: {address: at(name, this.family), port: Number(port)},
      expect: 'NONE' as const,
    };
  };

  /** With an address of either family, this one's second. */
  service(key: string, vip: string, spec: Service['spec'] = {}, ingress: object[] = []): Service {
    const mine = at(vip, this.family);
    const {sessionAffinity} = spec;
    const config = sessionAffinity === 'ClientIP' ? {clientIP: {timeoutSeconds: 10}} : undefined;
    return service(
      key,
      {
        clusterIP: at(vip, other(this.family)),
        clusterIPs: [at(vip, other(this.family)), mine],
        ports: [{name: 'p', protocol: 'TCP', port: 80}],
        sessionAffinityConfig: config,
        ...spec,
      },
      ingress,
    );
  }

  slice(
    key: string,
    endpoints: readonly (EndpointText | string)[],
    more: {name?: string; ports?: {name?: string; protocol?: string; port: number}[]} = {},
  ) {
    return slice({
      service: key,
      family: this.family,
      ports: [{name: 'p', port: 8080}],
      endpoints: endpoints.map((one) => {
        const text = typeof one === 'string' ? {ip: one, node: one === 'ep1' ? 'here' : 'there'} : one;
        return {...text, ip: at(text.ip, this.family)};
      }),
      ...more,
    });
  }

  /**
   * `pod TCP vip1:80` to what becomes of it. GONE: an address of nobody's, which nftables drops and iptables knows
   * nothing of; NO PORT: a port that an address does not have, which nftables rejects.
   */
  async expect(flows: Readonly<Record<string, string>>): Promise<void> {
    const trace = await this.commit();
    const said = Object.keys(flows).map((flow) => [flow, trace(this.#trace(flow))]);
    const wanted = Object.entries(flows).map(([flow, text]) => [flow, this.#outcome(text)]);
    expect(said).toEqual(wanted);
  }

  #outcome(text: string) {
    if (text === 'GONE') return {nftables: 'DROP', iptables: 'NONE'};
    if (text === 'NO PORT') return {nftables: 'REJECT', iptables: 'NONE'};
    if (['REJECT', 'DROP', 'NONE'].includes(text)) return {nftables: text, iptables: text};
    const one = (part: string) => {
      const [, name = '', port, masq] = /^(\w+):(\d+)( masq)?$/.exec(part) ?? [];
      const ip = at(name, this.family);
      return `${ip.includes(':') ? `[${ip}]` : ip}:${port}${masq ?? ''}`;
    };
    const all = text.split(', ').map(one).sort();
    return {nftables: all, iptables: all};
  }
}

const web = 'pod TCP vip1:80';
const both = 'ep1:8080, ep2:8080';
const nodePort = [{name: 'p', protocol: 'TCP', port: 80, nodePort: 30_080}];

/**
 * pkg/proxy/servicechangetracker_test.go, endpointschangetracker_test.go and endpointslicecache_test.go by what packets
 * see of them, and the changes that test/e2e/network makes to Services.
 */
describe.each(['IPv4', 'IPv6'] as const)('what becomes of packets after changes, %s', (family) => {
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
    const flows = (cluster: string, outside: string) => ({[web]: cluster, 'outside TCP node:30080': outside});
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
    const typed = (ports: Service['spec']['ports']) => s.service('a/web', 'vip1', {type: 'NodePort', ports});
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
      balanced([{ip}], {loadBalancerSourceRanges: [`${at('ep2', family)}/${family === 'IPv4' ? 32 : 128}`]}),
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
});
