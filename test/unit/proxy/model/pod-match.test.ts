import {describe, expect, it} from 'vitest';
import {loadProxyConfig} from '../../../../src/config/proxy.ts';
import {viewNode} from '../../../../src/proxy/model/node.ts';
import {podMatch} from '../../../../src/proxy/table/pod-match.ts';
import {node} from '../support/objects.ts';

const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';

/** How each family tells pods, for this configuration and the ranges of the Node. */
function matches(text: string, podCIDRs?: readonly string[]) {
  const {detectLocal} = loadProxyConfig({path: 'p.yaml', text: head + text}, {}, 'here').config;
  const object = node('here', []);
  if (podCIDRs !== undefined) object.spec = {podCIDR: podCIDRs[0], podCIDRs: [...podCIDRs]};
  const view = viewNode('here', object, '');
  return [podMatch(detectLocal, 'IPv4', view), podMatch(detectLocal, 'IPv6', view)];
}

const by = (cidr: string | undefined) => cidr && {by: 'cidr', cidr};
const interfaces = (name: string) => [
  {by: 'interface', name},
  {by: 'interface', name},
];

/** cmd/kube-proxy/app/server_linux_test.go, Test_getLocalDetectors. */
describe("this node's pods", () => {
  const [four, six] = ['10.0.0.0/14', '2002:0:0:1234::/64'];
  it.each<[string, string, readonly string[] | undefined, string | undefined, string | undefined]>([
    ['ranges of the cluster: IPv4', `clusterCIDR: ${four}`, undefined, four, undefined],
    ['ranges of the cluster: IPv6', `clusterCIDR: "${six}"`, undefined, undefined, six],
    ['ranges of the cluster: both', `clusterCIDR: "${four},${six}"`, undefined, four, six],
    ['ranges of the cluster: both, IPv6 first', `clusterCIDR: "${six},${four}"`, undefined, four, six],
    ['ranges of the cluster: none', 'clusterCIDR: ""', undefined, undefined, undefined],
    [
      'ranges of the cluster, not those of the Node',
      `clusterCIDR: ${four}`,
      ['10.1.0.0/24'],
      four,
      undefined,
    ],
    ['ranges of the Node: IPv4', 'detectLocalMode: NodeCIDR', [four], four, undefined],
    ['ranges of the Node: IPv6', 'detectLocalMode: NodeCIDR', [six], undefined, six],
    ['ranges of the Node: both', 'detectLocalMode: NodeCIDR', [four, six], four, six],
    ['ranges of the Node: both, IPv6 first', 'detectLocalMode: NodeCIDR', [six, four], four, six],
    ['ranges of the Node: none', 'detectLocalMode: NodeCIDR', undefined, undefined, undefined],
    [
      'ranges of the Node, not those of the cluster',
      `detectLocalMode: NodeCIDR\nclusterCIDR: ${four}`,
      ['10.1.0.0/24'],
      '10.1.0.0/24',
      undefined,
    ],
  ])('by %s', (_what, text, podCIDRs, v4, v6) => {
    expect(matches(`${text}\n`, podCIDRs)).toEqual([by(v4), by(v6)]);
  });

  it.each([
    ['BridgeInterface', 'bridgeInterface', 'eth', 'eth'],
    ['BridgeInterface', 'bridgeInterface', '1234567890', '1234567890'],
    ['InterfaceNamePrefix', 'interfaceNamePrefix', 'eth', 'eth*'],
    ['InterfaceNamePrefix', 'interfaceNamePrefix', '1234567890', '1234567890*'],
  ])('by %s, %s %s', (mode, field, name, expected) => {
    const text = `detectLocalMode: ${mode}\ndetectLocal: {${field}: "${name}"}\n`;
    expect(matches(text)).toEqual(interfaces(expected));
  });
});
