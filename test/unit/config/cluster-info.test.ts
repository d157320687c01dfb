import {describe, expect, it} from 'vitest';
import {clusterIdentity, isSigned, parseClusterInfo} from '../../../src/config/cluster-info.ts';

/** The vector of cluster-bootstrap's own jws_test.go. */
const content = 'Hello from the other side. I must have called a thousand times.';
const jws = 'eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8';
const token = {id: 'joshua', secret: 'my voice is my passcode'};

describe('isSigned', () => {
  it('accepts the signature of Kubernetes’ own test', () => {
    expect(isSigned(content, jws, token)).toBe(true);
  });
  it.each([
    ['another text', `${content}.`, jws, token],
    ['another secret', content, jws, {...token, secret: 'x'}],
    ['another key id', content, jws, {...token, id: 'david'}],
    ['a signature with its payload', content, jws.replace('..', '.e30.'), token],
    ['no signature', content, jws.slice(0, jws.lastIndexOf('.') + 1), token],
    ['nothing', content, '', token],
    ['alg none', content, `${Buffer.from('{"alg":"none","kid":"joshua"}').toString('base64url')}..`, token],
  ])('refuses %s', (_, text, signature, with_) => {
    expect(isSigned(text, signature, with_)).toBe(false);
  });
});

describe('parseClusterInfo', () => {
  it('finds the kubeconfig and the live tokens', () => {
    const info = parseClusterInfo(
      JSON.stringify({kind: 'ConfigMap', data: {kubeconfig: 'k', 'jws-kubeconfig-abcdef': 's'}}),
    );
    expect(info?.kubeconfig).toBe('k');
    expect([...(info?.signatures ?? [])]).toEqual([['abcdef', 's']]);
  });
  it.each(['', '<html>', '[]', '{"kind":"Status"}', '{"kind":"ConfigMap","data":{}}'])(
    'is not %s',
    (body) => {
      expect(parseClusterInfo(body)).toBeUndefined();
    },
  );
});

describe('clusterIdentity', () => {
  const ca = Buffer.from('PEM').toString('base64');
  it('reads kubeadm’s kubeconfig without a context', () => {
    const text = `clusters:\n- name: ""\n  cluster: {server: "https://a:6443", certificate-authority-data: ${ca}}\n`;
    expect(clusterIdentity(text)).toEqual({server: 'https://a:6443', ca: 'PEM'});
  });
  it('prefers the current context', () => {
    const text = `
current-context: b
contexts: [{name: b, context: {cluster: second}}]
clusters:
- {name: first, cluster: {server: "https://a", certificate-authority-data: ${ca}}}
- {name: second, cluster: {server: "https://b", certificate-authority-data: ${ca}}}
`;
    expect(clusterIdentity(text)?.server).toBe('https://b');
  });
  it('is undefined for YAML that is none and for clusters without a CA', () => {
    expect(clusterIdentity(': {')).toBeUndefined();
    expect(clusterIdentity('clusters: [{name: a, cluster: {server: https://a}}]')).toBeUndefined();
  });
});
