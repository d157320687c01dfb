import type {IoSample} from '../../../edges/cgroups/cgroup-sample.ts';
import {blockDeviceName} from '../../../edges/mounts/block-devices.ts';
import {labelText} from '../metrics/exposition.ts';
import type {SpaceStats, Subject} from '../types.ts';
import {type CadvisorMetric, counter, gauge, type Read, sampleOf} from './metric.ts';

const onDisk =
  (read: (disk: NonNullable<Subject['disk']>) => number): Read =>
  ({disk}) =>
    disk === undefined ? [] : [{value: read(disk), labels: labelText({device: disk.space.device})}];
/** Of containers cAdvisor tells no inodes of the file system: those of the node would look like theirs. */
const onWholeDisk = (read: (space: SpaceStats) => number): Read => {
  const readDisk = onDisk(({space}) => read(space));
  return (subject) => (subject.disk?.isWhole ? readDisk(subject) : []);
};
const ofIo =
  (read: (io: IoSample) => number): Read =>
  (subject) =>
    sampleOf(subject).io.map((io) => ({
      value: read(io),
      labels: labelText({device: blockDeviceName(io.device)}),
    }));

export const files: readonly CadvisorMetric[] = [
  counter('container_blkio_device_usage_total', 'Blkio Device bytes usage', (subject) =>
    sampleOf(subject).io.flatMap(({device, readBytes, writeBytes}) => {
      const [major = '', minor = ''] = device.split(':');
      const base = {device: blockDeviceName(device), major, minor};
      return [
        {value: readBytes, labels: labelText({...base, operation: 'Read'})},
        {value: writeBytes, labels: labelText({...base, operation: 'Write'})},
      ];
    }),
  ),
  gauge(
    'container_fs_inodes_free',
    'Number of available Inodes',
    onWholeDisk((space) => space.inodesFree),
  ),
  gauge(
    'container_fs_inodes_total',
    'Number of Inodes',
    onWholeDisk((space) => space.inodes),
  ),
  gauge(
    'container_fs_limit_bytes',
    'Number of bytes that can be consumed by the container on this filesystem.',
    onDisk(({space}) => space.capacityBytes),
  ),
  counter(
    'container_fs_reads_bytes_total',
    'Cumulative count of bytes read',
    ofIo((io) => io.readBytes),
  ),
  counter(
    'container_fs_reads_total',
    'Cumulative count of reads completed',
    ofIo((io) => io.reads),
  ),
  gauge(
    'container_fs_usage_bytes',
    'Number of bytes that are consumed by the container on this filesystem.',
    onDisk(({used}) => used.usedBytes),
  ),
  counter(
    'container_fs_writes_bytes_total',
    'Cumulative count of bytes written',
    ofIo((io) => io.writeBytes),
  ),
  counter(
    'container_fs_writes_total',
    'Cumulative count of writes completed',
    ofIo((io) => io.writes),
  ),
];
