import {describe, expect, it} from 'vitest';
import {oomScoreAdj} from '../../../../src/kubelet/pod/config/resources/oom-score.ts';
import {podLimits, podRequests} from '../../../../src/kubelet/pod/config/resources/pod-resources.ts';
import {
  containerResources,
  cpuQuota,
  cpuShares,
  cpuWeight,
  podCgroup,
  sandboxResources,
} from '../../../../src/kubelet/pod/config/resources/resources.ts';
import type {Container} from '../../../../src/lib/kubernetes.ts';
import {container, pod, resourceFacts} from './pods.ts';

type Resources = Container['resources'];
const Gi = 1024 ** 3;

describe('CPU', () => {
  it.each([
    [0, 2],
    [1, 2],
    [2, 2],
    [100, 102],
    [1000, 1024],
    [1500, 1536],
    [256_000, 262_144],
    [999_999, 262_144],
  ])('%im → %i shares', (milli, shares) => expect(cpuShares(milli)).toBe(shares));
  it.each([
    [0, 0],
    [1, 1000],
    [10, 1000],
    [250, 25_000],
    [3000, 300_000],
  ])('%im → quota %i', (milli, quota) => expect(cpuQuota(milli, 100_000)).toBe(quota));
  it.each([
    [2, 1],
    [1024, 39],
    [262_144, 10_000],
  ])('%i shares → weight %i', (shares, weight) => expect(cpuWeight(shares)).toBe(weight));
});

describe('a container', () => {
  const build = (resources: Resources, facts = {}) => {
    const own = container({resources});
    return containerResources(pod({containers: [own]}), own, {...resourceFacts, ...facts});
  };

  it('is limited as it asks', () =>
    expect(
      build({
        requests: {cpu: '100m', memory: '64Mi'},
        limits: {cpu: '500m', memory: '128Mi', 'hugepages-2Mi': '4Mi'},
      }),
    ).toEqual({
      cpuShares: 102n,
      cpuPeriod: 100_000n,
      cpuQuota: 50_000n,
      memoryLimitInBytes: 134_217_728n,
      oomScoreAdj: 993n,
      hugepageLimits: [{pageSize: '2MB', limit: 4_194_304n}],
      unified: {'memory.oom.group': '1', 'memory.swap.max': '0'},
    }));

  it('gets the least when it asks for nothing', () =>
    expect(build(undefined, {cgroupV2: false})).toEqual({
      cpuShares: 2n,
      cpuPeriod: 100_000n,
      cpuQuota: 0n,
      oomScoreAdj: 1000n,
      hugepageLimits: [{pageSize: '2MB', limit: 0n}],
    }));

  it('takes its limit for its request', () =>
    expect(build({limits: {cpu: '2'}}, {cpuCfsQuota: false})).toMatchObject({cpuShares: 2048n}));

  it('is not swapped on cgroup v1 either', () =>
    expect(build({limits: {memory: '1Gi'}}, {cgroupV2: false}).memorySwapLimitInBytes).toBe(BigInt(Gi)));
});

describe('the OOM score', () => {
  const score = (resources: Resources, spec = {}, fields: Partial<Container> = {}) => {
    const own = container({resources, ...fields});
    return oomScoreAdj(pod({containers: [own], ...spec}), own, 8 * Gi);
  };
  it.each<[string, Resources, number]>([
    ['best effort', undefined, 1000],
    ['guaranteed', {limits: {cpu: '1', memory: '1Gi'}}, -997],
    ['a tenth', {requests: {memory: '800Mi'}}, 903],
    ['nearly nothing', {requests: {cpu: '1m'}}, 999],
    ['everything', {requests: {memory: '8Gi'}}, 3],
  ])('%s', (_, resources, expected) => expect(score(resources)).toBe(expected));

  it('protects node-critical pods only', () => {
    const critical = {priority: 2_000_001_000, priorityClassName: 'system-node-critical'};
    expect(score(undefined, critical)).toBe(-997);
    expect(score(undefined, {...critical, priorityClassName: 'system-cluster-critical'})).toBe(1000);
  });

  it('keeps a sidecar alive as long as what it serves', () => {
    const sidecar = container({name: 's', restartPolicy: 'Always', resources: {requests: {memory: '1Mi'}}});
    const main = container({resources: {requests: {memory: '4Gi'}}});
    const of = pod({containers: [main], initContainers: [sidecar]});
    expect(oomScoreAdj(of, sidecar, 8 * Gi)).toBe(oomScoreAdj(of, main, 8 * Gi));
  });
});

describe('a pod as a whole', () => {
  const init = container({name: 'i', resources: {requests: {cpu: '500m', memory: '2Gi'}}});
  const sidecar = container({
    name: 's',
    restartPolicy: 'Always',
    resources: {requests: {cpu: '100m', memory: '100Mi'}},
  });
  const spec = {
    containers: [container({resources: {requests: {cpu: '250m', memory: '1Gi'}}})],
    overhead: {cpu: '10m'},
  };

  it('asks for its largest moment', () => {
    expect(podRequests({...spec, initContainers: [sidecar, init]}, {overhead: true})).toEqual({
      cpu: '610m',
      memory: String(2 * Gi + 100 * 1024 ** 2),
    });
    expect(podRequests({...spec, initContainers: [init, sidecar]}, {overhead: false})).toEqual({
      cpu: '500m',
      memory: String(2 * Gi),
    });
  });

  it('lets pod-level values win, and raises only limits that exist', () => {
    const own = {
      ...spec,
      resources: {requests: {cpu: '2'}, limits: {memory: '4Gi'}},
      overhead: {cpu: '1', memory: '1Gi'},
    };
    expect(podRequests(own, {overhead: false}).cpu).toBe('2');
    expect(podLimits(own, {overhead: true})).toEqual({memory: String(5 * Gi)});
  });

  it('has a cgroup that is limited only when every container is', () => {
    const limited = container({resources: {limits: {cpu: '1', memory: '1Gi'}}});
    const free = container({name: 'free', resources: {requests: {cpu: '1'}}});
    expect(podCgroup(pod({containers: [limited, free]}), resourceFacts)).toEqual({
      cpuShares: 1024,
      hugePages: {'2MB': 0},
    });
    expect(podCgroup(pod({containers: [limited, {...limited, name: 'b'}]}), resourceFacts)).toEqual({
      // The API fills in requests from limits; without it there are none.
      cpuShares: 2,
      cpuQuota: 200_000,
      cpuPeriod: 100_000,
      memoryBytes: 2 * Gi,
      hugePages: {'2MB': 0},
    });
    expect(podCgroup(pod(), resourceFacts)).toEqual({cpuShares: 2, hugePages: {'2MB': 0}});
  });

  // By meaning those of cm/helpers_linux_test.go, TestResourceConfigForPod.
  const small = {cpu: '100m', memory: '100Mi'};
  const large = {cpu: '200m', memory: '200Mi'};
  const Mi = 1024 ** 2;
  it.each<[string, Resources[], Resources, object, object]>([
    ['requests alone', [{requests: small}], undefined, {}, {cpuShares: 102}],
    [
      'limits of every container',
      [{requests: small, limits: large}],
      undefined,
      {},
      {cpuShares: 102, cpuQuota: 20_000, cpuPeriod: 100_000, memoryBytes: 200 * Mi},
    ],
    [
      'no quota where none is enforced',
      [{requests: small, limits: large}],
      undefined,
      {cpuCfsQuota: false},
      {cpuShares: 102, cpuQuota: -1, cpuPeriod: 100_000, memoryBytes: 200 * Mi},
    ],
    [
      'a period of its own',
      [{requests: small, limits: large}],
      undefined,
      {cpuCfsQuotaPeriodUs: 5000},
      {cpuShares: 102, cpuQuota: 1000, cpuPeriod: 5000, memoryBytes: 200 * Mi},
    ],
    [
      'limits of some containers',
      [{requests: small, limits: large}, {requests: small}],
      undefined,
      {},
      {cpuShares: 204},
    ],
    ['requests of the pod', [{}], {requests: small}, {}, {cpuShares: 102}],
    [
      'limits of the pod above those of its container',
      [{requests: {cpu: '10m', memory: '50Mi'}, limits: {cpu: '50m', memory: '100Mi'}}],
      {requests: small, limits: large},
      {},
      {cpuShares: 102, cpuQuota: 20_000, cpuPeriod: 100_000, memoryBytes: 200 * Mi},
    ],
    [
      'requests of the pod, limits of its container',
      [{requests: large, limits: large}],
      {requests: {cpu: '200m', memory: '300Mi'}},
      {},
      {cpuShares: 204, cpuQuota: 20_000, cpuPeriod: 100_000, memoryBytes: 200 * Mi},
    ],
  ])('has a cgroup by %s', (_, containers, resources, facts, expected) => {
    const made = containers.map((own, at) => container({name: `c${at}`, resources: own}));
    const of = pod({containers: made, ...(resources === undefined ? {} : {resources})});
    expect(podCgroup(of, {...resourceFacts, hugePageSizes: [], ...facts})).toEqual({
      ...expected,
      hugePages: {},
    });
  });

  it('has huge pages of the sizes that it requests, and none of the others', () => {
    const huge = {'hugepages-2Mi': '6Mi', memory: '1Gi', cpu: '1'};
    const sized = {...resourceFacts, hugePageSizes: [2 * 1024 ** 2, Gi]};
    expect(
      podCgroup(pod({containers: [container({resources: {requests: huge, limits: huge}})]}), sized),
    ).toMatchObject({hugePages: {'2MB': 6 * 1024 ** 2, '1GB': 0}});
  });

  it('tells the sandbox its sum and its overhead', () => {
    const {resources, overhead} = sandboxResources(pod(spec), {...resourceFacts, cgroupV2: false});
    expect(resources).toEqual({cpuShares: 256n, cpuPeriod: 100_000n, cpuQuota: 0n});
    expect(overhead).toEqual({cpuShares: 10n, cpuPeriod: 100_000n, cpuQuota: 1000n});
  });
});
