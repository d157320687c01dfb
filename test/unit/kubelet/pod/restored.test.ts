import {expect, it} from 'vitest';
import {decidePod} from '../../../../src/kubelet/pod/actions/decide.ts';
import {containerAnnotations} from '../../../../src/kubelet/pod/config/container-config.ts';
import {record, sandbox, seen} from './fixtures.ts';

/** What ends a container of a pod that went while no kubelet was there (kuberuntime, labels_test.go). */
function kill(annotations: Record<string, string>) {
  const runtime = {sandboxes: [sandbox()], containers: [record('main', {annotations})]};
  const [act] = decidePod(seen({pod: undefined, lastPod: undefined, runtime})).acts;
  return act?.do === 'kill' ? act.kills[0] : undefined;
}

const {preStopHandler, ports} = containerAnnotations;

it.each([
  {exec: {command: ['drain', '$(X)']}},
  {httpGet: {port: 'web', path: '/bye', scheme: 'HTTPS', httpHeaders: [{name: 'A', value: 'b'}]}},
  {httpGet: {port: 80, host: 'x'}},
  {sleep: {seconds: 3}},
])('runs its hook, as its annotations tell: %j', (preStop) => {
  const found = kill({[preStopHandler]: JSON.stringify(preStop)});
  expect(found?.spec).toEqual({name: 'main', lifecycle: {preStop}});
  expect(found?.graceSeconds).toBe(1);
});

it('knows the ports that a hook may name', () => {
  const preStop = {httpGet: {port: 'web'}};
  const told = [{name: 'web', containerPort: 8080, protocol: 'TCP'}, {containerPort: 1}];
  const found = kill({[preStopHandler]: JSON.stringify(preStop), [ports]: JSON.stringify(told)});
  expect(found?.spec?.ports).toEqual([{name: 'web', containerPort: 8080}, {containerPort: 1}]);
});

it.each(['', '{', '7', '{"exec":{"command":"x"}}'])(
  'ends without a hook where that is nonsense: %s',
  (text) => {
    const found = kill({[preStopHandler]: text});
    expect(found?.container.name).toBe('main');
    expect(found?.spec).toBeUndefined();
  },
);
