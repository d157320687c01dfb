import {describe, expect, it} from 'vitest';
import {parse} from 'yaml';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import {flagz, render, statusz} from '../../../../src/kubelet/server/pages/zpages.ts';
import {servedPaths} from '../../../../src/kubelet/server/routes.ts';
import {HealthMetrics} from '../../../../src/kubelet/stats/metrics/health-metrics.ts';

const header = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
const text = `${header}maxPods: 7\nevictionHard: {memory.available: 5%}\nclusterDNS: [10.96.0.10, 10.96.0.11]\n`;
const {config} = loadKubeletConfig(
  [{path: '/config.yaml', text}],
  {nodeLabels: 'a=b,c=d', reportVersion: 'v1.36.2', rootDir: '/r'},
  'n1',
);
const startedMs = Date.UTC(2026, 0, 1);
const page = statusz(config, startedMs, startedMs + 3_723_500, servedPaths());

describe('/statusz', () => {
  it.each([undefined, '', '*/*', 'text/html, text/plain;q=0.5'])('is text for %s', (accept) => {
    const {contentType, body} = render(page, accept);
    expect(contentType).toBe('text/plain; charset=utf-8');
    expect(body).toContain('kubelet statusz\nWarning: This endpoint is not meant to be machine parseable');
    expect(body).toContain('Started: 2026-01-01T00:00:00Z\nUp: 1 hr 02 min 03 sec\nBinary version: 1.36.2\n');
  });

  it('is an object for who asks for it by its name', () => {
    const accept = (type: string, version: string) => `${type};v=${version};g=config.k8s.io;as=Statusz`;
    const expected = {
      kind: 'Statusz',
      apiVersion: 'config.k8s.io/v1beta1',
      metadata: {name: 'kubelet'},
      startTime: '2026-01-01T00:00:00Z',
      uptimeSeconds: 3723,
      binaryVersion: '1.36.2',
      emulationVersion: '1.36',
      paths: expect.arrayContaining(['/configz', '/healthz', '/metrics', '/pods', '/statusz']),
    };
    const json = render(page, `text/plain;q=0.1, ${accept('application/json', 'v1beta1')}`);
    expect(JSON.parse(json.body)).toEqual(expected);
    expect(json.warning).toBeUndefined();
    expect(parse(render(page, accept('application/yaml', 'v1beta1')).body)).toEqual(expected);
    const old = render(page, accept('application/json', 'v1alpha1'));
    expect(JSON.parse(old.body)).toMatchObject({apiVersion: 'config.k8s.io/v1alpha1'});
    expect(old.warning).toMatch(/^299 - "This version of the statusz endpoint is deprecated/);
  });

  it.each([
    'application/json',
    'application/json;v=v1beta1;g=config.k8s.io;as=Flagz',
    'application/json;v=v2;g=config.k8s.io;as=Statusz',
    'application/vnd.kubernetes.protobuf',
    'text/plain;q=0',
  ])('is not there as %s', (accept) =>
    expect(() => render(page, accept)).toThrow('only the following media types are accepted'),
  );
});

it('/flagz tells what is in effect, as flags are written', () => {
  const lines = render(flagz(config), undefined).body.split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'kubelet flagz',
      'max-pods=7',
      'eviction-hard=memory.available=5%',
      'cluster-dns=10.96.0.10,10.96.0.11',
      'sync-frequency=1m0s',
      'node-labels=a=b,c=d',
      'root-dir=/r',
      'anonymous-auth=false',
    ]),
  );
});

it('/metrics/slis tells how the checks of health went', async () => {
  const metrics = new HealthMetrics();
  let problem: string | undefined;
  const check = metrics.counted('syncloop', () => problem);
  expect([check(), check()]).toEqual([undefined, undefined]);
  problem = 'stuck';
  expect(check()).toBe('stuck');
  const lines = (await metrics.registry.metrics()).split('\n');
  expect(lines).toContain('kubernetes_healthcheck{name="syncloop",type="healthz"} 0');
  expect(lines).toContain('kubernetes_healthchecks_total{name="syncloop",type="healthz",status="success"} 2');
  expect(lines).toContain('kubernetes_healthchecks_total{name="syncloop",type="healthz",status="error"} 1');
});
