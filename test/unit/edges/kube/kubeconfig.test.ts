import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {kubeconfigText} from '../../../../src/config/kubeconfig.ts';
import {loadKubeconfig} from '../../../../src/edges/kube/connection.ts';
import {readDiscoveryFile} from '../../../../src/edges/trust/discovery-file.ts';

let directory = '';
const write = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};
const server = 'https://10.0.0.1:6443';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  write('ca.crt', 'CA');
  write('both.pem', 'CERT AND KEY');
  write('token', 'from-file\n');
});
afterAll(() => rmSync(directory, {recursive: true}));

describe('kubeconfigs', () => {
  it('are written with the names of a kubelet.conf', () =>
    expect(
      kubeconfigText({server, caData: 'CA', certFile: '/pki/c.pem', keyFile: '/pki/c.pem'}),
    ).toMatchInlineSnapshot(`
      "apiVersion: v1
      kind: Config
      clusters:
        - cluster:
            certificate-authority-data: Q0E=
            server: https://10.0.0.1:6443
          name: default-cluster
      contexts:
        - context:
            cluster: default-cluster
            user: default-auth
          name: default-context
      current-context: default-context
      users:
        - name: default-auth
          user:
            client-certificate: /pki/c.pem
            client-key: /pki/c.pem
      "
    `));

  it('of kube-public/cluster-info have a cluster without a name, and nothing else', async () => {
    // kubectl -n kube-public get configmap cluster-info -o jsonpath={.data.kubeconfig}
    const cluster = `- name: ""\n  cluster: {server: "${server}", certificate-authority-data: Q0E=}`;
    const empty = 'contexts: null\ncurrent-context: ""\nusers: null';
    const path = write('cluster-info', `apiVersion: v1\nkind: Config\nclusters:\n${cluster}\n${empty}\n`);
    const found = {server, ca: 'CA', credentials: undefined};
    expect(await readDiscoveryFile(path)).toEqual(found);
    expect(await readDiscoveryFile(`file://${path}`)).toEqual(found);
    const other = write('no-context', `clusters:\n${cluster}\ncurrent-context: gone\n`);
    await expect(loadKubeconfig(other)).rejects.toThrow(/no context "gone"/);
  });

  it('are read back, files being looked for beside them', async () => {
    const files = {caFile: 'ca.crt', certFile: './both.pem', keyFile: join(directory, 'both.pem')};
    expect(await loadKubeconfig(write('files', kubeconfigText({server, ...files})))).toEqual({
      server,
      ca: 'CA',
      credentials: {kind: 'certificate', cert: 'CERT AND KEY', key: 'CERT AND KEY'},
    });
    const inline = {caData: 'inline', certData: 'c', keyData: 'k'};
    expect(await loadKubeconfig(write('inline', kubeconfigText({server, ...inline})))).toEqual({
      server,
      ca: 'inline',
      credentials: {kind: 'certificate', cert: 'c', key: 'k', embedded: true},
    });
  });

  it('give tokens, from a file too', async () => {
    const {credentials} = await loadKubeconfig(write('t', kubeconfigText({server, token: 'abc'})));
    expect(credentials).toEqual({kind: 'token', token: 'abc'});
    const filed = await loadKubeconfig(
      write('f', kubeconfigText({server, token: 'abc', tokenFile: 'token'})),
    );
    const token = filed.credentials.kind === 'token' ? filed.credentials.token : undefined;
    expect(typeof token === 'function' ? await token() : token).toBe('from-file');
  });

  it('may name a program that gives the token', async () => {
    const answer = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"from-exec"}}`;
    const text = kubeconfigText({server}).replace(
      'user: {}',
      `user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/echo, args: ['${answer}']}}`,
    );
    const {credentials} = await loadKubeconfig(write('plugin', text));
    const token = credentials.kind === 'token' ? credentials.token : undefined;
    expect(typeof token === 'function' ? await token() : token).toBe('from-exec');
  });

  it.each([
    ['an absent file', undefined, 'cannot be read'],
    ['no YAML', 'a: [', 'is not YAML'],
    ['a list', '- a', 'is not a kubeconfig'],
    ['no context', 'kind: Config', 'has no context ""'],
    ['no certificate', kubeconfigText({server, keyData: 'k'}), 'not both'],
    ['an absent authority', kubeconfigText({server, caFile: 'absent'}), 'names absent, which cannot be read'],
    [
      'an unknown user',
      kubeconfigText({server}).replace('user: default-auth', 'user: other'),
      'has no user "other"',
    ],
  ])('with %s are refused by name', async (_, text, words) => {
    const path = text === undefined ? join(directory, 'nowhere') : write('bad', text);
    await expect(loadKubeconfig(path)).rejects.toThrow(words);
    await expect(loadKubeconfig(path)).rejects.toMatchObject({code: 'ND303'});
  });
});
