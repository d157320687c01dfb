import {expect} from 'vitest';
import type {Family} from '../../../../src/lib/addresses.ts';
import type {Service} from '../../../../src/lib/kubernetes.ts';
import {Followed} from './followed.ts';
import {type EndpointText, service, slice} from './objects.ts';
import {type Flow, world} from './vectors.ts';

const roles = ['pod', 'outside'] as const;
const protocols = ['TCP', 'UDP'] as const;
export const at = (name: string, family: Family) => world[name]?.[family] ?? '';
export const other = (family: Family): Family => (family === 'IPv4' ? 'IPv6' : 'IPv4');

/** What the tests say of a small cluster, in words of one family. */
export class Scene extends Followed {
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
    const said = Object.keys(flows).map((flow) => [flow, trace(this.#flow(flow))]);
    const wanted = Object.entries(flows).map(([flow, text]) => [flow, this.#outcome(text)]);
    expect(said).toEqual(wanted);
  }

  #flow(text: string): Flow {
    const [who, what, to = ''] = text.split(' ');
    const [from, protocol] = [roles.find((role) => role === who), protocols.find((one) => one === what)];
    const [name = '', port] = to.split(':');
    if (from === undefined || protocol === undefined) throw new Error(`no such flow: ${text}`);
    const address = at(name, this.family);
    return {name: text, from, protocol, to: {address, port: Number(port)}, expect: 'NONE'};
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
