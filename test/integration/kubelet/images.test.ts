import {chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {secrets} from '../../../src/lib/resources.ts';
import {registryHost, startRegistry, type TestRegistry} from '../support/registry.ts';
import {isReady, sleeper, startNode, statusOf, type TestNode} from './harness.ts';

const login = 'tenant:secret';
const timeoutMs = 120_000;
let node: TestNode;
let registry: TestRegistry;
let dir: string;

/** A program that logs in to one registry, as a cloud's own would. */
function writeProvider() {
  mkdirSync(`${dir}/bin`);
  const answer = {
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    kind: 'CredentialProviderResponse',
    cacheKeyType: 'Registry',
    auth: {[registryHost]: {username: 'cloud', password: 'words'}},
  };
  writeFileSync(
    `${dir}/bin/cloud`,
    `#!/bin/sh\ncat >>${dir}/asked\ncat <<'END'\n${JSON.stringify(answer)}\nEND\n`,
  );
  chmodSync(`${dir}/bin/cloud`, 0o755);
  const provider = {
    name: 'cloud',
    apiVersion: answer.apiVersion,
    matchImages: [`${registryHost}/cloud`],
    defaultCacheDuration: '1h',
  };
  const config = {apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig'};
  writeFileSync(`${dir}/providers.yaml`, JSON.stringify({...config, providers: [provider]}));
}

beforeAll(async () => {
  dir = mkdtempSync(`${tmpdir()}/nodectl-images-`);
  writeProvider();
  const config = {
    imageCredentialProviderConfig: `${dir}/providers.yaml`,
    imageCredentialProviderBinDir: `${dir}/bin`,
  };
  node = await startNode({subnet: '10.89.14.0/24', config});
  registry = await startRegistry(`${dir}/blobs`, node.containerd.netns, {
    'private/app': login,
    'cloud/app': 'cloud:words',
    'open/app': undefined,
  });
}, 120_000);
afterAll(async () => {
  registry?.stop();
  await node?.stop();
  rmSync(dir, {recursive: true, force: true});
});

const podWith = (repository: string, rest: object = {}, container: object = {}) => ({
  terminationGracePeriodSeconds: 0,
  containers: [
    {
      ...sleeper('main'),
      image: `${registryHost}/${repository}:1`,
      imagePullPolicy: 'IfNotPresent',
      ...container,
    },
  ],
  ...rest,
});
const reasonOf = (pod: Parameters<typeof statusOf>[0]) => statusOf(pod, 'main')?.state?.waiting?.reason ?? '';
/** After a second a failed pull is told as the wait for the next one. */
const isRefused = (pod: Parameters<typeof statusOf>[0]) =>
  ['ErrImagePull', 'ImagePullBackOff'].includes(reasonOf(pod));
const ready = (name: string) => node.waitFor(name, 'Ready', isReady, timeoutMs);
const refused = (name: string) => node.waitFor(name, 'refused', isRefused, timeoutMs);

async function pullSecret(name: string, words: string) {
  const auths = {[registryHost]: {auth: Buffer.from(words).toString('base64')}};
  await node.sandbox.client.create(
    secrets,
    {
      metadata: {name, namespace: 'default'},
      type: 'kubernetes.io/dockerconfigjson',
      data: {'.dockerconfigjson': Buffer.from(JSON.stringify({auths})).toString('base64')},
    },
    {namespace: 'default'},
  );
}

describe('an image of a registry', () => {
  const asks = (names: string[]) => ({imagePullSecrets: names.map((name) => ({name}))});

  it('is pulled with the pull secret that opens it', async () => {
    await pullSecret('wrong', 'tenant:guess');
    await pullSecret('right', login);
    await node.create('tenant', podWith('private/app', asks(['wrong', 'right'])));
    await ready('tenant');
    await node.remove('tenant', 0);
    await node.gone('tenant');
  });

  it('is not for pods that could not have pulled it, though it is here, also after a restart', async () => {
    await node.create('thief', podWith('private/app'));
    await refused('thief');
    await node.create('guess', podWith('private/app', {}, {imagePullPolicy: 'Never'}));
    await node.waitFor('guess', 'refused', (pod) => reasonOf(pod) === 'ErrImageNeverPull', timeoutMs);
    await node.restart();
    await node.create('later', podWith('private/app'));
    await refused('later');
    for (const name of ['thief', 'guess', 'later']) await node.remove(name, 0);
  });

  it('is for a pod with another secret of the same login, without a pull', async () => {
    await pullSecret('same', login);
    const before = registry.given.length;
    await node.create('partner', podWith('private/app', asks(['same'])));
    await ready('partner');
    expect(registry.given.length).toBe(before);
    await node.remove('partner', 0);
  });

  it('is for every pod when none had to log in', async () => {
    await node.create('first', podWith('open/app'));
    await ready('first');
    const before = registry.given.length;
    await node.create('second', podWith('open/app', asks(['missing'])));
    await ready('second');
    expect(registry.given.length).toBe(before);
    for (const name of ['first', 'second']) await node.remove(name, 0);
  });

  it('is pulled with what a credential provider knows', async () => {
    await node.create('cloud', podWith('cloud/app'));
    await ready('cloud');
    expect(registry.given).toContain('cloud/app');
    await node.remove('cloud', 0);
    await node.gone('cloud');
  });
});
