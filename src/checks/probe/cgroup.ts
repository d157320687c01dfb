import {failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** Where a pod of no class at all would be. */
export function probeCgroupParent(driver: 'systemd' | 'cgroupfs', root: string): string {
  const below = root === '/' ? '' : root.replace(/\/$/, '');
  return driver === 'systemd' ? 'kubepods-besteffort.slice' : `${below}/kubepods/besteffort`;
}

/** runc's path, and not what a configuration promises, says whether limits hold. */
export const probeCgroup = nodeCheck({
  name: 'ProbeCgroup',
  category: 'runtime',
  codes: ['ND514'],
  looks: 'reads the cgroup of the test pod (--probe)',
  after: ['ProbeSandbox'],
  observe: ({sight}) => sight.probe(),
  judge: (seen) => {
    if (seen.kind === 'failed' || seen.cgroups.some((line) => /kubepods/.test(line))) return [];
    return [failure('ND514', `a test pod is not below kubepods\n${seen.cgroups[0] ?? 'it has no cgroup'}`)];
  },
});
