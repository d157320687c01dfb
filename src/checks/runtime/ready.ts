import type {RuntimeCondition} from '../../edges/runtime/runtime-sight.ts';
import {type Finding, failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export const runtimeReady = nodeCheck({
  name: 'RuntimeReady',
  category: 'runtime',
  codes: ['ND508'],
  looks: 'reads RuntimeReady of the runtime',
  after: ['ContainerRuntime'],
  observe: ({sight}) => sight.runtime(),
  judge: (seen) => (seen.kind === 'answers' ? notTrue(seen.conditions, 'RuntimeReady', 'ND508') : []),
});

/** One of the two conditions that every runtime reports. */
export function notTrue(
  conditions: readonly RuntimeCondition[],
  type: 'RuntimeReady' | 'NetworkReady',
  code: 'ND508' | 'ND509',
): readonly Finding[] {
  const condition = conditions.find((c) => c.type === type);
  if (condition?.status !== false) return [];
  const what = type === 'RuntimeReady' ? 'the container runtime' : 'the pod network';
  const words = [condition.reason, condition.message].filter((word) => word !== '').join(': ');
  return [failure(code, `${what} is not ready\n${words}`)];
}
