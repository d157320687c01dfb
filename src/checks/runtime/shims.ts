import {listShims, type Shim} from '../../edges/process-age.ts';
import {type Finding, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** A shim is there before its sandbox is listed, and a moment longer. */
const graceMs = 60_000;

export const shims = nodeCheck({
  name: 'Shims',
  category: 'runtime',
  codes: ['ND512'],
  after: ['ContainerRuntime'],
  async observe({sight, options}) {
    const found = await listShims();
    return {
      found: found.filter(({address}) => address === options.layout.containerdSocket),
      runtime: await sight.runtime(),
    };
  },
  judge: ({found, runtime}) => (runtime.kind === 'answers' ? judgeShims(found, runtime.sandboxIds) : []),
});

export function judgeShims(found: readonly Shim[], sandboxIds: readonly string[]): readonly Finding[] {
  const known = new Set(sandboxIds);
  const lost = found.filter(({id, ageMs}) => !known.has(id) && ageMs > graceMs);
  if (lost.length === 0) return [];
  const pids = lost.slice(0, 5).map(({pid}) => pid);
  return [warning('ND512', `${lost.length} containerd shims belong to no pod`, `kill ${pids.join(' ')}`)];
}
