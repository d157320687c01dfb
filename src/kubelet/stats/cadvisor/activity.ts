import type {DiskActivity} from '../../../edges/mounts/disk-activity.ts';
import {labelText} from '../metrics/exposition.ts';
import {type CadvisorMetric, counter, gauge, type Read} from './metric.ts';

const ofDevice =
  (read: (activity: DiskActivity) => number): Read =>
  ({disk}) =>
    disk?.activity === undefined
      ? []
      : [{value: read(disk.activity), labels: labelText({device: disk.space.device})}];
const seconds = (ms: number): number => ms / 1000;

/** What only the device as a whole can tell: cgroups count bytes and requests, and no more. */
export const activity: readonly CadvisorMetric[] = [
  counter(
    'container_fs_sector_reads_total',
    'Cumulative count of sector reads completed',
    ofDevice(({sectorsRead}) => sectorsRead),
  ),
  counter(
    'container_fs_reads_merged_total',
    'Cumulative count of reads merged',
    ofDevice(({readsMerged}) => readsMerged),
  ),
  counter(
    'container_fs_read_seconds_total',
    'Cumulative count of seconds spent reading',
    ofDevice(({readMs}) => seconds(readMs)),
  ),
  counter(
    'container_fs_sector_writes_total',
    'Cumulative count of sector writes completed',
    ofDevice(({sectorsWritten}) => sectorsWritten),
  ),
  counter(
    'container_fs_writes_merged_total',
    'Cumulative count of writes merged',
    ofDevice(({writesMerged}) => writesMerged),
  ),
  counter(
    'container_fs_write_seconds_total',
    'Cumulative count of seconds spent writing',
    ofDevice(({writeMs}) => seconds(writeMs)),
  ),
  gauge(
    'container_fs_io_current',
    'Number of I/Os currently in progress',
    ofDevice(({ioInProgress}) => ioInProgress),
  ),
  counter(
    'container_fs_io_time_seconds_total',
    'Cumulative count of seconds spent doing I/Os',
    ofDevice(({ioMs}) => seconds(ioMs)),
  ),
  counter(
    'container_fs_io_time_weighted_seconds_total',
    'Cumulative weighted I/O time in seconds',
    ofDevice(({weightedIoMs}) => seconds(weightedIoMs)),
  ),
];
