import {listDirectory} from '../../edges/files/files.ts';
import {listShims, type Shim} from '../../edges/process/process-age.ts';
import {type Finding, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** A shim is there before its sandbox is listed, and a moment longer. */
const graceMs = 60_000;

export const shims = nodeCheck({
  name: 'Shims',
  category: 'runtime',
  codes: ['ND512'],
  looks: 'compares the shims that run with the pods that the runtime knows',
  after: ['ContainerRuntime'],
  async observe({sight, options}) {
    const {containerdSocket, containerdState} = options.layout;
    const found = (await listShims()).filter(({address}) => address === containerdSocket);
    const kept = `${containerdState}/io.containerd.runtime.v2.task/k8s.io`;
    const bundles = new Set(found.length === 0 ? [] : await listDirectory(kept));
    return {
      found: found.map((shim) => ({...shim, bundle: bundles.has(shim.id)})),
      runtime: await sight.runtime(),
    };
  },
  judge: ({found, runtime}) => (runtime.kind === 'answers' ? judgeShims(found, runtime.sandboxIds) : []),
});

type SeenShim = Shim & {
  /** Whether the runtime still keeps what the shim was started with. */
  readonly bundle: boolean;
};

export function judgeShims(found: readonly SeenShim[], sandboxIds: readonly string[]): readonly Finding[] {
  const known = new Set(sandboxIds);
  const lost = found.filter(({id, ageMs, bundle}) => !known.has(id) && (!bundle || ageMs > graceMs));
  if (lost.length === 0) return [];
  const pids = lost.slice(0, 5).map(({pid}) => pid);
  return [warning('ND512', `${lost.length} containerd shims belong to no pod`, `kill ${pids.join(' ')}`)];
}
