import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {type Child, start} from '../../../../src/edges/process/exec.ts';
import {service, slice} from '../../../unit/proxy/support/objects.ts';
import {createNetns, type Netns} from '../../support/netns.ts';
import {RunningProxy, StubApi} from '../support/running.ts';
import {canServe, iptablesIn} from './iptables-support.ts';

const bound = {timeout: 60_000, interval: 100};

let netns: Netns;
let api: StubApi;
let proxy: RunningProxy | undefined;
let holder: Child | undefined;
let directory: string;

beforeEach(async ({skip}) => {
  directory = await mkdtemp(join(tmpdir(), 'nodectl-lock-'));
  // A lock of this test's own: every legacy iptables that it starts asks for this one (iptables ≥ 1.8.6).
  process.env.XTABLES_LOCKFILE = join(directory, 'xtables.lock');
  netns = await createNetns('ndx');
  api = await StubApi.start(netns);
  if (!(await canServe(netns, 'legacy'))) skip('this kernel lacks what iptables-legacy needs');
});

afterEach(async ({task}) => {
  if (task.result?.state === 'fail') console.log(proxy?.log.slice(-4000));
  holder?.kill('SIGKILL');
  await proxy?.stop();
  await api?.stop();
  await netns?.remove();
  delete process.env.XTABLES_LOCKFILE;
  await rm(directory, {recursive: true, force: true});
});

const endpoints = (ip: string) =>
  slice({service: 'a/web', ports: [{name: 'p', port: 8080}], endpoints: [{ip}]});
const rules = () => iptablesIn(netns, 'IPv4', 'legacy').save('nat');

it('row 33: somebody holds the xtables lock for long: it waits, answers meanwhile, and goes on', async () => {
  await iptablesIn(netns, 'IPv4', 'legacy').restore(['*mangle', ':KUBE-IPTABLES-HINT - [0:0]', 'COMMIT']);
  await api.put(
    'services',
    service('a/web', {clusterIP: '10.97.0.10', ports: [{name: 'p', protocol: 'TCP', port: 80}]}),
  );
  await api.put('endpointslices', endpoints('10.64.1.1'));
  const running = await RunningProxy.start({netns, apiPort: api.port, mode: 'iptables'});
  proxy = running;
  await expect.poll(rules, bound).toContain('10.64.1.1');
  holder = start('flock', [
    '--exclusive',
    process.env.XTABLES_LOCKFILE ?? '',
    'sh',
    '-c',
    'echo held; read end',
  ]);
  await new Promise((resolve) => holder?.stdout.once('data', resolve));
  await api.put('endpointslices', endpoints('10.64.1.2'));
  // It has waited as long as kube-proxy does, and will try again.
  await expect.poll(() => running.log, bound).toContain('service rules could not be committed');
  expect((await running.get('/livez')).stdout).toMatch(/^200/);
  expect(await rules()).not.toContain('10.64.1.2');
  holder.kill('SIGKILL');
  await expect.poll(rules, bound).toContain('10.64.1.2');
});
