import {describe, expect, it} from 'vitest';
import {clusterIdentity} from '../../../src/config/cluster-info.ts';
import {readJoinFile} from '../../../src/config/join/file.ts';
import {mergeInput} from '../../../src/config/join/merge.ts';
import {type JoinInput, joinOptions} from '../../../src/config/join.ts';
import {NodectlError} from '../../../src/lib/errors.ts';

/**
 * What kubeadm's own tests say of a join (cmd/kubeadm/app: apis/kubeadm/validation, cmd/join_test, util/config,
 * discovery/token), by meaning: what it refuses is refused here with a code, what it accepts is accepted.
 */
const token = 'abcdef.1234567890123456';
const pin = `sha256:7173b809ca12ec5dee4506cd86be934c4596dd234ee82c0662eac04a8c2c71dc`;
const head = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n';
const found = `discovery: {bootstrapToken: {token: ${token}, apiServerEndpoint: "1.2.3.4:6443", caCertHashes: ["${pin}"]}}\n`;
const file = {server: 'https://1.2.3.4:6443', ca: 'CA', credentials: undefined};

function judge(text: string, flags: Partial<JoinInput> = {}): string {
  try {
    const {input} = text === '' ? {input: {}} : readJoinFile({path: 'join.yaml', text});
    joinOptions(mergeInput(input, {hostname: 'host', ...flags}));
    return 'accepted';
  } catch (error) {
    return error instanceof NodectlError ? error.code : String(error);
  }
}

function optionsOf(text: string, flags: Partial<JoinInput> = {}) {
  return joinOptions(mergeInput(readJoinFile({path: 'f', text}).input, {hostname: 'host', ...flags}));
}

describe('a JoinConfiguration', () => {
  it.each<[string, string, string]>([
    ['with discovery alone', found, 'accepted'],
    ['with a CA elsewhere', `caCertPath: /some/cert.crt\n${found}`, 'accepted'],
    ['with a CA that is no .crt', `caCertPath: /some/cert.pem\n${found}`, 'ND904'],
    ['with a CA of a relative path', `caCertPath: cert.crt\n${found}`, 'ND904'],
    ['with nothing', '', 'ND904'],
    ['with an empty discovery', 'discovery: {}\n', 'ND904'],
    ['with a name', `nodeRegistration: {name: valid-nodename}\n${found}`, 'accepted'],
    ['with an empty name: the machine’s own', `nodeRegistration: {name: ""}\n${found}`, 'accepted'],
    [
      'with a name in capitals, which are lowered',
      `nodeRegistration: {name: SomeName}\n${found}`,
      'accepted',
    ],
    ['with a dash at the name’s end', `nodeRegistration: {name: invalid-nodename-}\n${found}`, 'ND201'],
    ['with a sign that no name has', `nodeRegistration: {name: invalid-node?name}\n${found}`, 'ND201'],
    ['with a socket as URL', `nodeRegistration: {criSocket: unix:///some/path}\n${found}`, 'accepted'],
    ['with a socket as path', `nodeRegistration: {criSocket: /some/path}\n${found}`, 'accepted'],
    ['with an empty socket', `nodeRegistration: {criSocket: ""}\n${found}`, 'accepted'],
    ['with another scheme', `nodeRegistration: {criSocket: "bla:///some/path"}\n${found}`, 'ND904'],
    ['with a socket that is none', `nodeRegistration: {criSocket: ":::"}\n${found}`, 'ND904'],
    ['with an empty pull policy', `nodeRegistration: {imagePullPolicy: ""}\n${found}`, 'accepted'],
    ['with IfNotPresent', `nodeRegistration: {imagePullPolicy: IfNotPresent}\n${found}`, 'accepted'],
    ['with a pull policy that is none', `nodeRegistration: {imagePullPolicy: foo}\n${found}`, 'ND906'],
    [
      'with an argument without a name',
      `nodeRegistration: {kubeletExtraArgs: [{name: "", value: foo}]}\n${found}`,
      'ND906',
    ],
  ])('%s', (_, text, verdict) => expect(judge(`${head}${text}`)).toBe(verdict));

  it('may be JSON', () => {
    const json = JSON.stringify({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'JoinConfiguration',
      discovery: {bootstrapToken: {token, apiServerEndpoint: '1.2.3.4:6443', caCertHashes: [pin]}},
    });
    expect(optionsOf(json)).toMatchObject({nodeName: 'host', bootstrap: {token}});
  });

  it.each(['.6b6baab1d4a0a171', '772ef5.', 'abcdef.1234567890123456@foobar'])('with the token %s', (bad) =>
    expect(judge(head + found.replace(token, bad))).toBe('ND401'),
  );
});

describe('flags', () => {
  const endpoint = '1.2.3.4:6443';
  it.each<[string, Partial<JoinInput>, string]>([
    ['none', {}, 'ND904'],
    ['no endpoint', {token, caCertHashes: [pin]}, 'ND904'],
    ['no pin', {token, endpoint}, 'ND408'],
    [
      'a pin, and its check skipped',
      {token, endpoint, caCertHashes: [pin], unsafeSkipCaVerification: true},
      'accepted',
    ],
    ['a file without credentials', {discoveryFile: file}, 'ND904'],
    ['a file, and a token for the certificate', {discoveryFile: file, tlsBootstrapToken: token}, 'accepted'],
    ['a file, and a token for all', {discoveryFile: file, token}, 'accepted'],
    [
      'a file and an endpoint',
      {discoveryFile: file, endpoint, token, unsafeSkipCaVerification: true},
      'ND904',
    ],
  ])('%s', (_, flags, verdict) => expect(judge('', flags)).toBe(verdict));

  it('--token yields to the tokens for one thing', () => {
    const [one, other] = ['aaaaaa.0123456789aaaaaa', 'defghi.0123456789defghi'];
    const flags = {
      token: one,
      tlsBootstrapToken: token,
      discoveryToken: other,
      endpoint,
      caCertHashes: [pin],
    };
    expect(joinOptions({hostname: 'host', ...flags})).toMatchObject({
      discovery: {token: {id: 'defghi'}},
      bootstrap: {token},
    });
  });

  it('--node-name wins over the file', () =>
    expect(optionsOf(head + found, {nodeName: 'anotherName'}).nodeName).toBe('anothername'));
});

describe('checks to ignore', () => {
  const ignoring = (inFile: readonly string[], inFlags: readonly string[]) =>
    optionsOf(`${head}${found}nodeRegistration: {ignorePreflightErrors: [${inFile.join()}]}\n`, {
      ignorePreflightErrors: inFlags,
    }).ignorePreflightErrors;

  it('are those of the file and of the flags', () => {
    expect(ignoring(['c', 'd'], ['a', 'b'])).toEqual(['c', 'd', 'a', 'b']);
    expect(ignoring([], ['a'])).toEqual(['a']);
    expect(ignoring(['a'], [])).toEqual(['a']);
    expect(ignoring(['all'], ['ALL'])).toEqual(['all', 'ALL']);
  });

  it.each([
    [['a', 'b', 'all'], []],
    [[], ['a', 'b', 'all']],
    [['all'], ['a', 'b']],
    [['a', 'b'], ['all']],
  ])('are not all and some: %j in the file, %j as flags', (inFile, inFlags) => {
    expect(() => ignoring(inFile, inFlags)).toThrow(/all/);
  });
});

describe('cluster-info', () => {
  const cluster = (name: string, server = 'https://s:6443') =>
    `- {name: "${name}", cluster: {server: "${server}", certificate-authority-data: Q0E=}}`;
  const context = (of: string) => `contexts:\n- {name: x, context: {cluster: ${of}}}\ncurrent-context: x\n`;
  it.each<[string, string, boolean]>([
    ['with a cluster without a name', `clusters:\n${cluster('')}\n`, true],
    ['with a context and its cluster', `${context('a')}clusters:\n${cluster('a')}\n`, true],
    ['with a context without a cluster', `${context('b')}clusters:\n${cluster('a')}\n`, false],
    ['with a context that is not there', `current-context: y\nclusters:\n${cluster('a')}\n`, false],
    ['without a cluster', 'clusters: []\n', false],
    ['with a server that is no URL', `clusters:\n${cluster('', 's')}\n`, false],
    ['with a server of plain http', `clusters:\n${cluster('', 'http://s')}\n`, false],
    ['with a server of IPv6', `clusters:\n${cluster('', 'https://[fd00::1]:6443')}\n`, true],
  ])('%s', (_, text, known) => expect(clusterIdentity(text) !== undefined).toBe(known));
});
