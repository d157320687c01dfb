import {expect, it} from 'vitest';
import {Telemetry} from '../../../../src/kubelet/stats/metrics/telemetry.ts';
import type {Container} from '../../../../src/lib/kubernetes.ts';
import {container, pod} from '../pod/fixtures.ts';

type Resources = Container['resources'];

/** TestHandlePodUpdates_RecordContainerRequestedResizes. */
const cases: [string, Resources, Resources, string[]][] = [
  ['nothing', {requests: {cpu: '1'}}, {requests: {cpu: '1000m'}}, []],
  ['a request that comes', {}, {requests: {memory: '1Mi'}}, ['memory requests add']],
  ['a request that goes', {requests: {memory: '1Mi'}}, undefined, ['memory requests remove']],
  ['a request that grows', {requests: {cpu: '1'}}, {requests: {cpu: '1500m'}}, ['cpu requests increase']],
  ['a limit that shrinks', {limits: {memory: '1Gi'}}, {limits: {memory: '1Mi'}}, ['memory limits decrease']],
  [
    'several at once',
    {requests: {cpu: '1'}, limits: {cpu: '2', memory: '1Gi'}},
    {requests: {cpu: '2', memory: '1Mi'}, limits: {cpu: '1', memory: '1Gi'}},
    ['memory requests add', 'cpu requests increase', 'cpu limits decrease'],
  ],
  ['another resource', {limits: {'example.com/a': '1'}}, {limits: {'example.com/a': '2'}}, []],
];

async function counted(from: Resources, to: Resources, init = false) {
  const telemetry = new Telemetry(0);
  const made = (resources: Resources) => {
    const one = container('main', resources === undefined ? {} : {resources});
    return init ? pod({initContainers: [one], containers: [container('other')]}) : pod({containers: [one]});
  };
  telemetry.resizes.changed(made(to), made(from));
  const {values = []} =
    (await telemetry.registry.getSingleMetric('kubelet_container_requested_resizes_total')?.get()) ?? {};
  return values.map(
    ({labels: {resource, requirement, operation}, value}) =>
      `${resource} ${requirement} ${operation}${value === 1 ? '' : value}`,
  );
}

it.each(cases)('counts what is asked for: %s', async (_, from, to, is) => {
  expect((await counted(from, to)).sort()).toEqual([...is].sort());
});

it('counts init containers, too', async () => {
  expect(await counted({}, {limits: {cpu: '1'}}, true)).toEqual(['cpu limits add']);
});
