import {qosClass} from '../../config/pod/qos.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import {isCritical} from '../admission/preemption.ts';
import type {Rejection} from '../admission/types.ts';
import type {Pressure} from '../node/pressure.ts';

const memoryTaint = 'node.kubernetes.io/memory-pressure';

/** Why a node under pressure takes no such pod; undefined when it does (eviction_manager.go, Admit). */
export function refusedUnderPressure(pressure: Pressure, pod: Pod, isStatic: boolean): Rejection | undefined {
  const names = [
    ...(pressure.disk ? ['DiskPressure'] : []),
    ...(pressure.memory ? ['MemoryPressure'] : []),
    ...(pressure.pid ? ['PIDPressure'] : []),
  ];
  if (names.length === 0 || isCritical(pod, isStatic)) return undefined;
  const onlyMemory = pressure.memory && names.length === 1;
  if (onlyMemory && (qosClass(pod.spec) !== 'BestEffort' || toleratesMemoryPressure(pod))) return undefined;
  return {reason: 'Evicted', message: `The node had condition: [${names.join(' ')}]. `};
}

function toleratesMemoryPressure({spec}: Pod): boolean {
  return (spec.tolerations ?? []).some(({key = '', operator = 'Equal', value = '', effect = ''}) => {
    if (effect !== '' && effect !== 'NoSchedule') return false;
    if (key !== '' && key !== memoryTaint) return false;
    // The taint has no value; an empty key with Exists tolerates everything.
    return operator === 'Exists' || (operator === 'Equal' && key === memoryTaint && value === '');
  });
}
