import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import type {Facts} from '../../../src/bootstrap/phase.ts';
import {withBundle} from '../../../src/bootstrap/status/support-bundle.ts';
import {Journal} from '../../../src/bootstrap/undo/journal.ts';
import {joinOptions} from '../../../src/config/join.ts';
import {journalStore} from '../../../src/edges/logs/journal-store.ts';
import {observeMachine} from '../../../src/edges/machine/machine.ts';
import {supervisedServices} from '../../../src/edges/systemd/supervised.ts';
import {NodectlError} from '../../../src/lib/errors.ts';
import {silent} from '../../../src/lib/log.ts';
import {errorText} from '../../../src/ui/print-error.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nodectl-bundle-'));
});
afterEach(() => rmSync(dir, {recursive: true, force: true}));

/** Each is a secret of another type; none may be found in the bundle, in any file. */
const canaries = {
  bootstrap: '0123456789canary',
  jwt: `eyJhbGciOiJSUzI1NiJ9.${Buffer.from('canaryjwt').toString('base64url')}.c2lnbmF0dXJl`,
  password: 'canarypassword',
  environment: 'canaryenvironment',
  key: 'MIIcanarykey',
  kubeconfig: 'canarykubeconfig',
  url: 'canaryurl',
  node: 'canaryfield',
};
const log = [
  JSON.stringify({
    msg: 'started',
    env: [{name: 'A', value: canaries.environment}],
    password: canaries.password,
  }),
  JSON.stringify({msg: `run`, environment: [`B=${canaries.environment}`], nested: {apiKey: canaries.node}}),
  `joined with abcdef.${canaries.bootstrap} and DB_PASSWORD=${canaries.password}`,
  `Authorization: Bearer ${canaries.jwt}`,
  `-----BEGIN EC PRIVATE KEY-----\n${canaries.key}\n-----END EC PRIVATE KEY-----`,
  `client-key-data: ${Buffer.from(`-----BEGIN PRIVATE KEY-----${canaries.key}`).toString('base64')}`,
  `pulling https://user:${canaries.url}@registry.example/x`,
  'a plain line stays',
];

async function failedJoin(note: boolean): Promise<{text: string; path: string | undefined}> {
  const options = joinOptions({
    endpoint: 'a:6443',
    token: `abcdef.${canaries.bootstrap}`,
    caCertHashes: [`sha256:${'0'.repeat(64)}`],
    hostname: 'n',
    proxyKubeconfig: canaries.kubeconfig,
    root: dir,
  });
  const journal = await Journal.open(journalStore(join(dir, 'state/journal')));
  execFileSync('mkdir', ['-p', options.layout.logDir]);
  if (note) await journal.note({kind: 'tree', target: options.layout.logDir, existed: false, before: []});
  const manager = supervisedServices({dir: join(dir, 's'), logDir: options.layout.logDir, program: ['/x']});
  const facts: Facts = {
    options,
    machine: await observeMachine(),
    cluster: {
      server: 'https://a:6443',
      ca: 'CA',
      kubeletConfig: undefined,
      proxyConfig: undefined,
      version: 'v1.35.0',
      findings: [],
    },
    addresses: [],
    packages: undefined,
    services: {...manager, log: async (name) => [`${name}:`, ...log]},
    program: ['/x'],
    binary: undefined,
    journal,
    log: silent,
  };
  const error = new NodectlError('ND704', `not ready; abcdef.${canaries.bootstrap}`, {next: ['look']});
  const told = await withBundle({facts, findings: [], reports: [], error}, new Date(0));
  const text = told instanceof NodectlError ? errorText(told) : '';
  return {text, path: told instanceof NodectlError ? told.bundle : undefined};
}

it('leaves a bundle that tells everything but secrets', async () => {
  const {text, path} = await failedJoin(true);
  expect(text.split('\n').at(-1)).toContain(path ?? 'missing');
  expect(text).toContain('try: look');
  expect(statSync(path ?? '').mode & 0o777).toBe(0o600);
  const names = execFileSync('tar', ['-tf', path ?? ''], {encoding: 'utf8'})
    .trim()
    .split('\n');
  expect(names).toEqual([
    'error.txt',
    'versions.json',
    'plan.json',
    'journal.json',
    'checks.json',
    'logs/nodectl-kubelet.log',
    'logs/nodectl-proxy.log',
    'logs/containerd.log',
  ]);
  const content = readFileSync(path ?? '', 'utf8');
  for (const [type, canary] of Object.entries(canaries)) {
    expect(content.includes(canary), type).toBe(false);
    expect(content.includes(Buffer.from(canary).toString('base64').slice(0, -4)), `${type}, encoded`).toBe(
      false,
    );
  }
  expect(content).toContain('a plain line stays');
  expect(content).toContain('"nodeName": "n"');
  expect(content).toContain('abcdef.[redacted]');
});

it('leaves none where a reset would not take it away', async () => {
  const {path} = await failedJoin(false);
  expect(path).toBeUndefined();
});
