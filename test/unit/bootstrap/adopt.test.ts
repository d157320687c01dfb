import {describe, expect, it} from 'vitest';
import {decideAdopt, describeAdopt, type SeenForeignNode} from '../../../src/bootstrap/adopt.ts';
import {hostLayout} from '../../../src/config/layout.ts';
import {NodectlError} from '../../../src/lib/errors.ts';

/** What a machine has after `kubeadm join`. */
const joined: SeenForeignNode = {
  kubelet: {installed: true, enabled: true, running: true},
  strays: [],
  controlPlane: false,
  runtime: true,
  paths: new Set(['/etc/kubernetes/kubelet.conf', '/etc/kubernetes/pki/ca.crt', '/var/lib/kubelet']),
  networkConfigs: ['/etc/cni/net.d/10-flannel.conflist'],
  links: ['cni0'],
  tables: ['ip kube-proxy'],
};

function complaint(seen: Partial<SeenForeignNode>): string {
  try {
    return decideAdopt({...joined, ...seen}, hostLayout)
      .map(describeAdopt)
      .join('\n');
  } catch (error) {
    return error instanceof NodectlError ? `${error.code} ${error.message}` : String(error);
  }
}

describe('a node that kubeadm joined', () => {
  it('is cleaned in an order in which nothing is made again', () =>
    expect(decideAdopt(joined, hostLayout).map(({kind}) => kind)).toEqual([
      'drain',
      'stop',
      'pods',
      'empty',
      'file',
      'file',
      'file',
      'link',
      'table',
    ]));

  it('is left alone on a control plane', () => expect(complaint({controlPlane: true})).toMatch(/^ND609/));

  it('is left alone beside a kubelet that no service has started', () => {
    const kubelet = {installed: false, enabled: false, running: false};
    expect(complaint({kubelet, strays: [{pid: 7, command: '/usr/bin/kubelet'}]})).toMatch(
      /^ND605.*process 7/,
    );
    expect(complaint({kubelet})).not.toMatch(/ND605/);
  });
});
