import {describe, expect, it} from 'vitest';
import {decidePod} from '../../../../src/kubelet/pod/actions/decide.ts';
import {statusPatch} from '../../../../src/kubelet/pod/status/status-patch.ts';
import {allocationOf, isSameAllocation, withAllocation} from '../../../../src/kubelet/resize/allocation.ts';
import {isActuated, resizePlan} from '../../../../src/kubelet/resize/plan.ts';
import {containerResourcesStatus, podResourcesStatus} from '../../../../src/kubelet/resize/status.ts';
import type {Container} from '../../../../src/lib/kubernetes.ts';
import {container, exited, pod, record, sandbox, seen} from '../pod/fixtures.ts';

const both = (cpu: string, memory: string) => ({requests: {cpu, memory}, limits: {cpu, memory}});
const runs = (...names: string[]) => ({
  sandboxes: [sandbox()],
  containers: names.map((name) => record(name)),
});
const given = (resources: Record<string, Container['resources']>, rest: Partial<Container> = {}) =>
  pod({containers: Object.entries(resources).map(([name, r]) => container(name, {resources: r, ...rest}))});

describe('an allocation', () => {
  it('is compared by amounts and put in place of what is wanted', () => {
    const wanted = given({main: both('1', '1Gi')});
    const same = allocationOf(given({main: both('1000m', '1024Mi')}));
    expect(isSameAllocation(allocationOf(wanted), same)).toBe(true);
    expect(withAllocation(wanted, same)).toBe(wanted);
    const less = allocationOf(given({main: both('500m', '1Gi')}));
    expect(withAllocation(wanted, less).spec.containers[0]?.resources).toEqual(both('500m', '1Gi'));
  });
});

describe('a plan', () => {
  const told = allocationOf(given({a: both('20m', '35Mi'), b: both('20m', '35Mi'), c: both('20m', '35Mi')}));

  it('lets what shrinks go before what grows', () => {
    const wanted = given({a: both('25m', '30Mi'), b: both('15m', '35Mi'), c: both('30m', '40Mi')});
    const plan = resizePlan(wanted, told, runs('a', 'b', 'c'));
    expect(plan.cpu.map((u) => u.container.name)).toEqual(['b', 'a', 'c']);
    expect(plan.memory.map((u) => u.container.name)).toEqual(['a', 'c']);
    expect(isActuated(wanted, told, runs('a', 'b', 'c'))).toBe(false);
  });

  it('leaves alone what does not run, and makes room for it before it starts', () => {
    const wanted = given({a: both('25m', '30Mi'), b: both('20m', '35Mi'), c: both('20m', '35Mi')});
    const runtime = {sandboxes: [sandbox()], containers: [exited('a'), record('b'), record('c')]};
    expect(resizePlan(wanted, told, runtime)).toEqual({cpu: [], memory: [], podLevel: false, starts: ['a']});
    const {acts} = decidePod(seen({pod: wanted, actuated: told, runtime}));
    expect(acts.map((act) => act.do)).toEqual(['resize', 'start']);
    const noted = {...told, containers: {...told.containers, a: both('25m', '30Mi')}};
    expect(resizePlan(wanted, noted, runtime).starts).toEqual([]);
  });

  it('takes a limit that is added for a smaller one', () => {
    const before = allocationOf(given({a: {requests: {memory: '35Mi'}}, b: {requests: {memory: '35Mi'}}}));
    const wanted = given({
      b: {requests: {memory: '40Mi'}},
      a: {requests: {memory: '35Mi'}, limits: {memory: '50Mi'}},
    });
    expect(resizePlan(wanted, before, runs('a', 'b')).memory.map((u) => u.container.name)).toEqual([
      'a',
      'b',
    ]);
  });

  it('is no plan where the policy wants a restart: then the container is killed and started', () => {
    const resizePolicy = [{resourceName: 'cpu', restartPolicy: 'RestartContainer'}];
    const wanted = given({main: both('25m', '35Mi')}, {resizePolicy});
    const actuated = allocationOf(given({main: both('20m', '35Mi')}));
    const {acts} = decidePod(seen({pod: wanted, actuated}));
    expect(acts.map((act) => act.do)).toEqual(['kill']);
    expect(acts[0]).toMatchObject({
      kills: [{reason: 'resize', restart: true, message: 'Container main resize requires restart'}],
    });
  });

  it('is retried when its time has come, not before', () => {
    const wanted = given({main: both('25m', '35Mi')});
    const actuated = allocationOf(given({main: both('20m', '35Mi')}));
    expect(decidePod(seen({pod: wanted, actuated})).acts.map((act) => act.do)).toEqual(['resize']);
    expect(decidePod(seen({pod: wanted, actuated, resizeInMs: 700}))).toMatchObject({
      acts: [],
      againInMs: 700,
    });
  });
});

describe('a container that was ended so that it starts again', () => {
  it('starts, although its policy and exit code would end the pod', () => {
    const object = pod({restartPolicy: 'OnFailure'});
    const runtime = {sandboxes: [sandbox()], containers: [exited('main')]};
    const ended = decidePod(seen({pod: object, runtime}));
    expect(ended.status?.phase).toBe('Succeeded');
    const again = decidePod(seen({pod: object, runtime, restarting: new Set(['main-0'])}));
    expect(again.status?.phase).toBe('Running');
    expect(again.acts.map((act) => act.do)).toEqual(['start']);
  });
});

describe('the status', () => {
  const main = container('main', {resources: both('25m', '40Mi')});

  it('tells what the runtime has, not what the spec says', () => {
    const running = record('main', {
      resources: {cpuRequestMilli: 20, cpuLimitMilli: 20, memoryLimitBytes: 35 * 2 ** 20},
    });
    const told = {requests: {cpu: '20m', memory: '35Mi'}, limits: {cpu: '20m', memory: '35Mi'}};
    expect(containerResourcesStatus(main, running, told)).toEqual(told);
    expect(containerResourcesStatus(main, exited('main'), told)).toEqual(main.resources);
  });

  it.each([
    ['2m', '10m'],
    ['1m', '5m'],
  ])('keeps %s and %s, which the kernel cannot tell apart', (request, limit) => {
    const small = container('main', {resources: {requests: {cpu: request}, limits: {cpu: limit}}});
    const running = record('main', {resources: {cpuRequestMilli: 2, cpuLimitMilli: 10}});
    expect(containerResourcesStatus(small, running, small.resources)).toEqual(small.resources);
  });

  it('tells the resources of the pod as a whole', () => {
    const object = {...given({a: both('20m', '35Mi'), b: both('25m', '40Mi')}), status: {phase: 'Running'}};
    const {resources, allocatedResources} = podResourcesStatus(
      object,
      allocationOf(object),
      seen().resources,
    );
    expect(resources).toEqual({
      requests: {cpu: '45m', memory: '75Mi'},
      limits: {cpu: '45m', memory: '75Mi'},
    });
    expect(allocatedResources).toEqual({cpu: '45m', memory: '75Mi'});
  });

  it('tells no empty list of what a pod without a request was given: the API keeps none', () => {
    const object = {...given({a: {}}), status: {phase: 'Running'}};
    expect(podResourcesStatus(object, allocationOf(object), seen().resources)).toEqual({resources: {}});
  });

  it('tells a request with a unit as it was written, also a fraction of a byte', () => {
    const {spec, ...rest} = given({a: {}});
    const resources = {requests: {cpu: '4m', memory: '10m'}};
    const object = {...rest, spec: {...spec, resources}, status: {phase: 'Running'}};
    const told = podResourcesStatus(object, allocationOf(object), seen().resources);
    expect(told.allocatedResources).toEqual(resources.requests);
  });

  it('loses the conditions of a resize that is over, and no others', () => {
    const conditions = [
      {type: 'PodResizePending', status: 'True'},
      {type: 'Foreign', status: 'True'},
    ];
    expect(statusPatch({conditions}, {conditions: []})).toEqual({
      conditions: [{$patch: 'delete', type: 'PodResizePending'}],
    });
  });
});
