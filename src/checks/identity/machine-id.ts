import {check, warning} from '../check.ts';

export const machineId = check({
  name: 'MachineID',
  category: 'identity',
  observe: async ({machine}) => machine.machineId,
  judge: (id) =>
    /^[0-9a-f]{32}$/.test(id)
      ? []
      : [warning('ND203', `/etc/machine-id is ${id === '' ? 'empty' : `“${id}”`}`)],
});
