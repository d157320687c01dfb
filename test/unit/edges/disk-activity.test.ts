import {expect, it} from 'vitest';
import {deviceNumbers, parseDiskActivity} from '../../../src/edges/mounts/disk-activity.ts';

const diskstats = `   7       0 loop0 1962 70 29941 530 373 519 35396 209 0 720 913 28 0 458780 3 196 171
 259       0 nvme0n1 5 1 40 7 0 0 0 0 0 8 7
 259       1 nvme0n1p1 860296 74422 27888730 2247971 3106303 1083430 308895136 2415145 2 543372 4969005
`;

it('takes a device by its numbers, also from kernels that know neither discards nor flushes', () => {
  expect(parseDiskActivity(diskstats, '259:1')).toEqual({
    readsMerged: 74_422,
    sectorsRead: 27_888_730,
    readMs: 2_247_971,
    writesMerged: 1_083_430,
    sectorsWritten: 308_895_136,
    writeMs: 2_415_145,
    ioInProgress: 2,
    ioMs: 543_372,
    weightedIoMs: 4_969_005,
  });
  expect(parseDiskActivity(diskstats, '7:0')).toMatchObject({writeMs: 209, ioInProgress: 0, ioMs: 720});
});

it('knows nothing of a file system without a device', () => {
  expect(parseDiskActivity(diskstats, '0:42')).toBeUndefined();
});

it.each([
  [0x801n, '8:1'],
  [0xfe00n, '254:0'],
  [0x10301n, '259:1'],
  [0x11_103_01n, '259:4353'],
])('unpacks %s as %s', (dev, numbers) => {
  expect(deviceNumbers(dev)).toBe(numbers);
});
