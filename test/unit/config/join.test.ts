import {describe, expect, it} from 'vitest';
import {type JoinInput, joinOptions, parseEndpoint, parsePin, parseToken} from '../../../src/config/join.ts';
import {NodectlError} from '../../../src/lib/errors.ts';

const hash = `sha256:${'ab'.repeat(32)}`;
const base: JoinInput = {
  endpoint: '192.0.2.10:6443',
  token: 'abcdef.0123456789abcdef',
  caCertHashes: [hash],
  hostname: 'Worker-1',
};

function failureOf(act: () => unknown): NodectlError {
  try {
    act();
  } catch (error) {
    if (error instanceof NodectlError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const codeOf = (act: () => unknown) => failureOf(act).code;

describe('joinOptions', () => {
  it('takes what kubeadm prints', () => {
    const options = joinOptions(base);
    expect(options.discovery).toEqual({
      kind: 'token',
      endpoint: '192.0.2.10:6443',
      token: {id: 'abcdef', secret: '0123456789abcdef'},
      pins: ['ab'.repeat(32)],
      unsafe: false,
    });
    expect(options.nodeName).toBe('worker-1');
    expect(options.bootstrap).toEqual({kind: 'token', token: 'abcdef.0123456789abcdef'});
    expect(options.layout.kubeletDir).toBe('/var/lib/kubelet');
  });

  it('keeps a second node below its directory', () => {
    const options = joinOptions({...base, root: '/srv/n2/'});
    expect(options.layout.kubeletDir).toBe('/srv/n2/kubelet');
    expect(options.ownLayout).toBe(true);
  });

  it('lets the discovery token differ from the one for the certificate', () => {
    const options = joinOptions({
      ...base,
      token: undefined,
      discoveryToken: 'aaaaaa.0123456789abcdef',
      tlsBootstrapToken: 'bbbbbb.0123456789abcdef',
    });
    expect(options.discovery.kind === 'token' && options.discovery.token.id).toBe('aaaaaa');
    expect(options.bootstrap).toEqual({kind: 'token', token: 'bbbbbb.0123456789abcdef'});
  });

  it.each<[string, Partial<JoinInput>, string]>([
    ['a short secret', {token: 'abcdef.0123'}, 'ND401'],
    ['an upper-case token', {token: 'ABCDEF.0123456789abcdef'}, 'ND401'],
    ['no dot', {token: 'abcdef0123456789abcdef'}, 'ND401'],
    ['a pin of another hash', {caCertHashes: ['md5:00']}, 'ND404'],
    ['a pin that is too short', {caCertHashes: ['sha256:00']}, 'ND404'],
    ['no pin', {caCertHashes: []}, 'ND408'],
    ['no endpoint', {endpoint: undefined}, 'ND904'],
    ['no token', {token: undefined}, 'ND904'],
    ['an endpoint with a path', {endpoint: 'host:6443/x'}, 'ND904'],
    ['a port that is none', {endpoint: 'host:99999'}, 'ND904'],
    ['a node name with an underscore', {nodeName: 'a_b'}, 'ND201'],
    ['a node IP that is none', {nodeIp: '300.1.1.1'}, 'ND904'],
    ['a relative root', {root: 'n2'}, 'ND904'],
  ])('refuses %s', (_, change, code) => {
    expect(codeOf(() => joinOptions({...base, ...change}))).toBe(code);
  });

  it.each([
    ['My_Node', 'not "_"', '--node-name my-node,'],
    ['node_1', 'not "_"', '--node-name node-1,'],
    ['a.-b', 'begin and end with a-z or 0-9', '--node-name a.b,'],
    ['___', 'not "_"', '--node-name worker-1,'],
  ])('says what is wrong with the node name %s, and which would do', (nodeName, why, next) => {
    const error = failureOf(() => joinOptions({...base, nodeName}));
    expect(error.message).toContain(why);
    expect(error.next[0]).toContain(next);
  });

  it('says where a token comes from', () => {
    const {next} = failureOf(() => joinOptions({...base, token: undefined}));
    expect(next[0]).toMatch(/^kubeadm token create --print-join-command/);
  });

  it('never repeats a token in its message', () => {
    const secret = 'abcdef.0123456789abcdeX';
    expect(() => parseToken(secret)).toThrow(
      expect.not.objectContaining({message: expect.stringContaining('0123456789')}),
    );
  });

  it('skips the pin only when told to', () => {
    expect(joinOptions({...base, caCertHashes: [], unsafeSkipCaVerification: true}).discovery).toMatchObject({
      unsafe: true,
      pins: [],
    });
  });
});

describe('parseEndpoint', () => {
  it.each([
    ['host', 'host:6443'],
    ['https://host:443/', 'host:443'],
    ['[fd00::1]:6443', '[fd00::1]:6443'],
    ['10.0.0.1:8443', '10.0.0.1:8443'],
  ])('reads %s', (text, expected) => {
    expect(parseEndpoint(text)).toBe(expected);
  });
});

describe('parsePin', () => {
  it('reads upper-case digits', () => {
    expect(parsePin(`sha256:${'AB'.repeat(32)}`)).toBe('ab'.repeat(32));
  });
});
