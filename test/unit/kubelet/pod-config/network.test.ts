import {describe, expect, it} from 'vitest';
import {parseResolvConf, podDns} from '../../../../src/kubelet/pod/config/dns.ts';
import {hostsFile, kernelHostname, podHostname} from '../../../../src/kubelet/pod/config/hosts.ts';
import type {Pod} from '../../../../src/lib/kubernetes.ts';
import {pod} from './pods.ts';

const resolvConf = `# a comment
nameserver 192.168.0.1
nameserver 192.168.0.2
search old.example
search example.com. corp.example .
options timeout:1 rotate
options timeout:2
`;
const dns = (of: Pod, more: object = {}) =>
  podDns({
    pod: of,
    resolvConf,
    clusterDns: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    nodeIps: ['10.0.0.1'],
    ...more,
  });

describe('DNS', () => {
  it('reads resolv.conf: the last search line and the last of equal options win', () =>
    expect(parseResolvConf(resolvConf)).toEqual({
      servers: ['192.168.0.1', '192.168.0.2'],
      searches: ['example.com', 'corp.example'],
      options: ['timeout:2', 'rotate'],
    }));

  it('asks the cluster first', () =>
    expect(dns(pod())).toEqual({
      config: {
        servers: ['10.96.0.10'],
        searches: [
          'shop.svc.cluster.local',
          'svc.cluster.local',
          'cluster.local',
          'example.com',
          'corp.example',
        ],
        options: ['ndots:5'],
      },
      warnings: [],
    }));

  it.each([
    [{dnsPolicy: 'Default'}, ['192.168.0.1', '192.168.0.2']],
    [{hostNetwork: true}, ['192.168.0.1', '192.168.0.2']],
    [{hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet'}, ['10.96.0.10']],
    [{dnsPolicy: 'None', dnsConfig: {nameservers: ['1.1.1.1']}}, ['1.1.1.1']],
  ])('%j', (spec, servers) => expect(dns(pod(spec)).config.servers).toEqual(servers));

  it('falls back to the node and says so when there is no cluster DNS', () => {
    const {config, warnings} = dns(pod(), {clusterDns: []});
    expect(config.servers).toEqual(['192.168.0.1', '192.168.0.2']);
    const words =
      'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';
    const message = expect.stringMatching(/^pod: "[^"]+"\. kubelet does not have ClusterDNS IP/);
    expect(warnings).toEqual([{reason: 'MissingClusterDNS', message, forNode: words}]);
  });

  it('points nowhere when the node names no resolv.conf', () =>
    expect(
      dns(pod({dnsPolicy: 'Default'}), {resolvConf: undefined, nodeIps: ['10.0.0.1', 'fd00::1']}).config,
    ).toEqual({
      servers: ['127.0.0.1', '::1'],
      searches: ['.'],
      options: [],
    }));

  it("adds the pod's own settings, equal ones once", () => {
    const dnsConfig = {
      nameservers: ['10.96.0.10', '1.1.1.1'],
      searches: ['mine', 'cluster.local'],
      options: [{name: 'ndots', value: '2'}, {name: 'edns0'}],
    };
    const {config} = dns(pod({dnsConfig}));
    expect(config.servers).toEqual(['10.96.0.10', '1.1.1.1']);
    expect(config.searches.slice(3)).toEqual(['example.com', 'corp.example', 'mine']);
    expect(config.options).toEqual(['ndots:2', 'edns0']);
  });

  it('keeps to what resolvers can take, and says what it left out', () => {
    const dnsConfig = {
      nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3'],
      searches: ['x'.repeat(254), ...Array.from({length: 30}, (_, at) => `${'y'.repeat(90)}${at}`)],
    };
    const {config, warnings} = dns(pod({dnsConfig}));
    expect(config.servers).toHaveLength(3);
    expect(config.searches.join(' ').length).toBeLessThanOrEqual(2048);
    expect(config.searches.some((domain) => domain.startsWith('x'))).toBe(false);
    expect(warnings.map(({message}) => message.split(' ', 1)[0])).toEqual(['Nameserver', 'Search']);
  });
});

describe('host names', () => {
  const name = (spec: Partial<Pod['spec']>, metadata = {}) =>
    podHostname(pod(spec, metadata), 'cluster.local');

  it('are the name of the pod, or what it asks for', () => {
    expect(name({})).toEqual({hostname: 'web', domain: ''});
    expect(name({hostname: 'h', subdomain: 's'})).toEqual({
      hostname: 'h',
      domain: 's.shop.svc.cluster.local',
    });
    expect(name({hostname: 'h', subdomain: 's', hostnameOverride: 'a.b'})).toEqual({
      hostname: 'a.b',
      domain: '',
    });
  });

  it('are cut to 63 characters without an ugly end', () =>
    expect(name({}, {name: `${'a'.repeat(62)}-b.c`}).hostname).toBe('a'.repeat(62)));

  it('are refused when they are none', () => {
    expect(() => name({hostname: 'A_B'})).toThrow('pod Hostname "A_B" is not a valid DNS label');
    expect(() => name({subdomain: 'a.b'})).toThrow('Subdomain');
  });

  it('are the whole domain for the kernel if asked for, as far as it fits', () => {
    const of = pod({setHostnameAsFQDN: true});
    expect(kernelHostname(of, {hostname: 'h', domain: 's.shop.svc'})).toBe('h.s.shop.svc');
    expect(kernelHostname(pod(), {hostname: 'h', domain: 's.shop.svc'})).toBe('h');
    expect(() => kernelHostname(of, {hostname: 'h'.repeat(40), domain: 'd'.repeat(40)})).toThrow('too long');
  });
});

describe('/etc/hosts', () => {
  it('has exactly the lines that Kubernetes writes', () => {
    const of = pod({hostAliases: [{ip: '1.2.3.4', hostnames: ['a', 'b']}]});
    expect(hostsFile(of, ['10.1.0.5', 'fd00::5'], {hostname: 'h', domain: 's.shop.svc'}, '')).toBe(
      '# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n10.1.0.5\th.s.shop.svc\th\nfd00::5\th.s.shop.svc\th\n\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n',
    );
  });

  it("is the node's own with hostNetwork", () =>
    expect(
      hostsFile(pod({hostNetwork: true}), ['10.0.0.1'], {hostname: 'h', domain: ''}, '127.0.0.1 x\n'),
    ).toBe('# Kubernetes-managed hosts file (host network).\n127.0.0.1 x\n'));
});
