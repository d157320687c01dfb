import {describe, expect, it} from 'vitest';
import {parse} from 'yaml';
import {joinOptions} from '../../../src/config/join.ts';
import {loadKubeletConfig} from '../../../src/config/kubelet.ts';
import {
  bootstrapKubeconfig,
  kubeletConfigText,
  kubeletKubeconfig,
} from '../../../src/config/kubelet-files.ts';

const options = joinOptions({
  endpoint: 'a:6443',
  token: 'abcdef.0123456789abcdef',
  caCertHashes: [`sha256:${'ab'.repeat(32)}`],
  hostname: 'n1',
});
const instance = {cgroupDriver: 'systemd', cgroup: 2, resolvConf: undefined} as const;
const cluster = `
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
cgroupDriver: cgroupfs
readOnlyPort: 0
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
`;

describe('kubeletConfigText', () => {
  const config = parse(kubeletConfigText(cluster, options, instance));

  it('says explicitly what CIS looks for', () => {
    expect(config).toMatchObject({
      authentication: {anonymous: {enabled: false}, x509: {clientCAFile: '/etc/kubernetes/pki/ca.crt'}},
      authorization: {mode: 'Webhook'},
      readOnlyPort: 0,
      makeIPTablesUtilChains: true,
      rotateCertificates: true,
    });
    expect(config.tlsCipherSuites).not.toContainEqual(expect.stringContaining('TLS_RSA_'));
    expect(config).toHaveProperty('podPidsLimit');
    expect(config).toHaveProperty('seccompDefault');
    expect(config).toHaveProperty('eventRecordQPS');
    expect(config).toMatchObject({
      tlsCertFile: '/var/lib/kubelet/pki/kubelet.crt',
      tlsPrivateKeyFile: '/var/lib/kubelet/pki/kubelet.key',
    });
  });
  it('names no serving certificate where the cluster signs it', () => {
    const text = kubeletConfigText(`${cluster}serverTLSBootstrap: true\n`, options, instance);
    expect(parse(text)).not.toHaveProperty('tlsCertFile');
  });
  it('lets the cluster win over defaults, and the machine over the cluster', () => {
    expect(config.clusterDNS).toEqual(['10.96.0.10']);
    expect(config.cgroupDriver).toBe('systemd');
    expect(config.containerRuntimeEndpoint).toBe('unix:///run/containerd/containerd.sock');
    expect(config.failCgroupV1).toBeUndefined();
  });
  it('lets the user win over all', () => {
    const own = {...options, kubeletConfiguration: {maxPods: 7, cgroupDriver: 'cgroupfs'}};
    expect(parse(kubeletConfigText(cluster, own, instance))).toMatchObject({
      maxPods: 7,
      cgroupDriver: 'cgroupfs',
    });
  });
  it('is accepted by our own kubelet, also without a cluster configuration', () => {
    for (const given of [cluster, undefined]) {
      const text = kubeletConfigText(given, options, {...instance, cgroup: 1});
      const {config: loaded} = loadKubeletConfig([{path: 'config.yaml', text}], {}, 'n1');
      expect(loaded.failCgroupV1).toBe(false);
    }
  });
});

describe('kubeconfigs', () => {
  it('name things as kubeadm does', () => {
    expect(parse(kubeletKubeconfig('https://a', 'CA', '/x.pem'))).toMatchObject({
      'current-context': 'default-context',
      clusters: [{name: 'default-cluster'}],
      users: [{name: 'default-auth', user: {'client-certificate': '/x.pem', 'client-key': '/x.pem'}}],
    });
    expect(parse(bootstrapKubeconfig('https://a', 'CA', {kind: 'token', token: 't'}))).toMatchObject({
      'current-context': 'tls-bootstrap-token-user@kubernetes',
      users: [{name: 'tls-bootstrap-token-user', user: {token: 't'}}],
    });
  });
});
