import {check, warning} from '../../check.ts';

const littleBytes = 512 * 1024 ** 2;

export const memory = check({
  name: 'Mem',
  category: 'host',
  observe: async ({machine}) => machine.memoryBytes,
  judge: (bytes) =>
    bytes >= littleBytes
      ? []
      : [warning('ND104', `${Math.floor(bytes / 1024 ** 2)} MB of memory, 512 MB is little`)],
});
