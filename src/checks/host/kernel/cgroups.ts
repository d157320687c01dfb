import {check, warning} from '../../check.ts';

/** A warning only: nodectl sets failCgroupV1: false there. */
export const cgroups = check({
  name: 'SystemVerification',
  category: 'host',
  observe: async ({machine}) => machine.cgroup,
  judge: (version) => (version === 2 ? [] : [warning('ND105', 'this machine runs cgroup v1')]),
});
